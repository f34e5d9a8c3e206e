# shellcheck shell=bash
# Trouble for a running mesh, from outside of it: processes are killed as by a loss of power, and a relay that stands
# between the daemons stops carrying. No daemon knows of either. Sourced by quickstart after mesh.sh.
# The caller sets: bin, run, sockets, names, shown, teller, and gives start_daemon NAME and start_trainer NAME.

chaos_pipe=''
chaos_order=()   # kinds of trouble that are still to come, before they are drawn again
chaos_down=()    # what was killed and waits for its restart: names of processes
chaos_until=0    # the height at which the present trouble ends; 0 where there is none
chaos_is_cut=0
declare -A chaos_count=([daemons]=0 [trainers]=0 [cuts]=0 [one-way cuts]=0 [all at once]=0 [reverts]=0)

# A relay with a port of its own for each pair of sites: chaos_relay PORT_OF_SITE... ; sets chaos_port[FROM TO].
declare -A chaos_port
chaos_relay() {
    local ports=("$@") free routes=() i j next=0
    mapfile -t free < <(free_ports $((${#names[@]} * (${#names[@]} - 1))))
    for ((i = 0; i < ${#names[@]}; i++)); do
        for ((j = 0; j < ${#names[@]}; j++)); do
            ((i != j)) || continue
            chaos_port[${names[i]} ${names[j]}]=${free[next]}
            routes+=("${names[i]}:${names[j]}:${free[next]}:${ports[j]}")
            next=$((next + 1))
        done
    done
    chaos_pipe=$sockets/relay.pipe
    mkfifo "$chaos_pipe"
    start "relay" "$run/logs/relay.log" "$bin/netrelay" streams --sites "$(IFS=,; say "${names[*]}")" \
        --control "$chaos_pipe" "${routes[@]}"
    until grep -qsx ready "$run/logs/relay.log"; do
        check_alive
        sleep 0.1
    done
}

# Lets a site reach every other one by the relay only: nobody learns where it really listens.
chaos_configure() { # NAME, its configuration
    local name peers=''
    for name in "${names[@]}"; do
        if [ "$name" != "$1" ]; then peers+="\"127.0.0.1:${chaos_port[$1 $name]}\", "; fi
    done
    sed -i -e 's/^announce = .*/announce = []/' -e "s/^peers = .*/peers = [${peers%, }]/" "$2"
    grep -qx 'announce = \[\]' "$2" && grep -q '^peers = \["127' "$2" || die "$2 is not written as expected"
}

# What happened, under the table of versions.
chaos_say() { printf '           %s\n' "$*"; }

# One step, at every version that was certified: ends a trouble that is over, begins the next one.
chaos_step() { # HEIGHT, LAST
    if ((chaos_until > 0)); then
        (($1 >= chaos_until)) || return 0
        chaos_mend
        return 0
    fi
    # The last versions are left alone: all sites take part in the end.
    (($1 + 3 < $2)) || return 0
    if (($1 >= 4 && chaos_count[reverts] == 0)); then
        chaos_revert "$(($1 - 2))"
        return 0
    fi
    if ((${#chaos_order[@]} == 0)); then
        draw 6 daemon trainer site cut one_way all
        chaos_order=("${drawn[@]}")
    fi
    local kind=${chaos_order[0]}
    chaos_order=("${chaos_order[@]:1}")
    # While it lasts, two versions are certified by those that are left.
    chaos_until=$(($1 + 2))
    "chaos_$kind"
}

# The kinds of trouble, each for at most as many sites as a mesh of this size can do without.

chaos_draw_victims() { draw $((1 + RANDOM % ((${#names[@]} - 1) / 3))) "${names[@]}"; }

chaos_daemon() {
    local name
    chaos_draw_victims
    for name in "${drawn[@]}"; do chaos_kill "daemon of $name"; done
}

chaos_trainer() {
    local name
    chaos_draw_victims
    for name in "${drawn[@]}"; do chaos_kill "trainer of $name"; done
}

chaos_site() {
    local name
    chaos_draw_victims
    for name in "${drawn[@]}"; do
        chaos_kill "daemon of $name"
        chaos_kill "trainer of $name"
    done
}

# Nobody is left to go on: they come back at once.
chaos_all() {
    local name
    chaos_count[all at once]=$((chaos_count[all at once] + 1))
    for name in "${names[@]}"; do chaos_kill "daemon of $name"; done
    chaos_mend
}

chaos_cut() {
    local name
    chaos_count[cuts]=$((chaos_count[cuts] + 1))
    chaos_draw_victims
    for name in "${drawn[@]}"; do
        chaos_tell "cut $name *"
        chaos_tell "cut * $name"
        chaos_say "partition ${chaos_count[cuts]}: $name is cut off from all others"
    done
}

chaos_one_way() {
    local name
    chaos_count[one-way cuts]=$((chaos_count[one-way cuts] + 1))
    chaos_draw_victims
    for name in "${drawn[@]}"; do
        chaos_tell "cut $name *"
        chaos_say "one-way partition ${chaos_count[one-way cuts]}: $name hears the others and is not heard"
    done
}

# The operators take a contribution to version HEIGHT out again, and trouble goes on: every site replays the ledger without
# it, and the state that comes of it takes over in a version of its own.
chaos_revert() { # HEIGHT
    local digest author action name signed=1 needed=$((${#names[@]} * 2 / 3 + 1)) deadline=$((SECONDS + 60))
    read -r digest author < <(ask "$sockets/$teller/operator.sock" version "$1" | jq -r '.contributions[0] | [.contribution, .author] | @tsv')
    action=$("$bin/meshctl" propose revert contribution "$digest" --from "$1" --key "$(site_dir "$teller")/keys" \
        --socket "$sockets/$teller/operator.sock" --json | jq -r .action)
    for name in "${names[@]}"; do
        [ "$name" != "$teller" ] || continue
        ((signed < needed)) || break
        until "$bin/meshctl" proposal approve "$action" --yes --key "$(site_dir "$name")/keys" \
            --socket "$sockets/$name/operator.sock" >"$run/logs/approve-$name.log" 2>&1; do
            check_alive
            ((SECONDS < deadline)) || { show_log "$run/logs/approve-$name.log"; die "$name could not approve the revert"; }
            sleep 0.1
        done
        signed=$((signed + 1))
    done
    chaos_count[reverts]=1
    chaos_say "revert: $signed of ${#names[@]} operators take the contribution of $author to version $1 out again"
}

# The versions that all kinds of trouble take, one after the other, with the revert and a quiet end.
chaos_rounds_least=24

# A run in which something of what it promises did not happen has failed. Says in which version the replayed state took over.
chaos_require() { # LAST
    local height kind
    for kind in daemons trainers cuts "one-way cuts" "all at once" reverts; do
        ((chaos_count[$kind] > 0)) || die "the run ended before its trouble was through: $kind: 0"
    done
    for ((height = 1; height <= $1; height++)); do
        [ "$(ask "$sockets/$teller/operator.sock" version "$height" | jq -r .action)" = switch ] || continue
        chaos_count[switch]=$height
        return 0
    done
    die "the revert was decided, and no version up to $1 switched to the replayed state"
}

chaos_tell() {
    say "$1" >"$chaos_pipe"
    chaos_is_cut=1
}

chaos_kill() { # the process's name
    local kind=${1%% *}s
    # A trainer that has trained to the end is not there any more.
    pid_of "$1" >/dev/null || return 0
    kill_now "$1"
    chaos_down+=("$1")
    chaos_count[$kind]=$((chaos_count[$kind] + 1))
    chaos_say "kill -9 of the $1 (${kind%s} ${chaos_count[$kind]})"
}

# Everything is put right again.
chaos_mend() {
    local process
    for process in "${chaos_down[@]}"; do
        case $process in
            daemon*) start_daemon "${process##* }" ;;
            trainer*) start_trainer "${process##* }" ;;
        esac
    done
    if ((${#chaos_down[@]} > 0)); then chaos_say "back: $(chaos_list "${chaos_down[@]}")"; fi
    if ((chaos_is_cut)); then
        chaos_tell 'heal * *'
        chaos_say "the partition is healed"
    fi
    chaos_down=()
    chaos_is_cut=0
    chaos_until=0
}

chaos_list() {
    local text
    text=$(printf '%s, ' "$@")
    say "${text%, }"
}

chaos_summary() {
    say "chaos: killed with -9: ${chaos_count[daemons]} daemons, ${chaos_count[trainers]} trainers;" \
        "all daemons at once: ${chaos_count[all at once]}; partitions: ${chaos_count[cuts]}," \
        "of one direction alone: ${chaos_count[one-way cuts]}"
    say "  revert: version ${chaos_count[switch]} took over the state without what was taken out"
}
