# shellcheck shell=bash
# What real daemons are put through, one function each; what may be asked of them stands in Docs/networks.md. Sourced by
# network-tests. Each begins with an empty $work and ends with everything as it must be, or dies.

five=(de es fr it pl)
seven=(cs de es fr it nl pl)
bad_lines="--delay-milliseconds 100 --loss-per-million 10000 --kilobits-per-second 20000"
good_lines="--delay-milliseconds 5"

# Every line: 100 ms one way, 1 % of packets lost, 20 Mbit/s. Versions are agreed on all the same.
bad_links() {
    network_up "$bad_lines --seed $seed" "${five[@]}"
    found ""
    start_mesh
    wait_for 120 "version $versions at all sites" reached "$versions" "${five[@]}"
    same_versions "${five[@]}"
    verify_ledger pl
    say report >"$relay_pipe"
    wait_for 10 "the relay's report" grep -qx "done: report" "$work/relay.log"
    awk '/ delivered=/ {split($3, a, "="); split($5, b, "="); d += a[2]; l += b[2]}
         END {printf "  the relay delivered %d packets and lost %d\n", d, l; exit l == 0}' "$work/relay.log" \
        || give_up "the relay lost nothing, so nothing was shown"
}

# The same with seven sites.
seven_bad_links() {
    five=("${seven[@]}")
    bad_links
}

# What two of seven send gets to nobody, though they hear the others: the five go on, the two catch up when it is over.
one_way_partition() {
    local cut majority=(cs de es fr it) minority=(nl pl) site
    network_up "$good_lines" "${seven[@]}"
    found ""
    start_mesh
    wait_for 60 "version 2 at all sites" reached 2 "${seven[@]}"
    for site in "${minority[@]}"; do relay "cut $site *"; done
    cut=$(highest "${seven[@]}")
    # Of the round in flight they may still be part; of what comes after, not.
    wait_for 120 "versions of the five alone" reached $((cut + versions)) "${majority[@]}"
    for site in "${minority[@]}"; do
        (($(height_of "$(socket_of "$site")") <= cut + 1)) || give_up "$site goes on, cut off as it is"
    done
    say "  the five went on to version $(highest "${majority[@]}"), the two stand at $(highest "${minority[@]}")"
    relay "heal * *"
    wait_for 120 "the two at the others' height" reached "$(highest "${majority[@]}")" "${minority[@]}"
    cut=$(highest "${seven[@]}")
    wait_for 120 "contributions of the two" contributed_since "$cut" "${minority[@]}"
    same_versions "${seven[@]}"
}

# Two pairs of five sites never reach each other. What one says gets to the other by those that both reach.
no_direct_way() {
    introducer=fr
    network_up "$good_lines" "${five[@]}"
    found ""
    part de pl
    part es it
    start_mesh
    wait_for 60 "version 2 at all sites" reached 2 "${five[@]}"
    wait_for 120 "contributions of all five" contributed_since 2 "${five[@]}"
    wait_for 60 "version $((versions + 2)) at all sites" reached $((versions + 2)) "${five[@]}"
    has_links de 3 && has_links pl 3 && has_links fr 4 || give_up "the relay let through what it was to hold back"
    same_versions "${five[@]}"
}

# A site moves to another address, and its old one is gone. Nobody is told but by its own signed record.
address_change() {
    local moved=fr site before
    network_up "$good_lines" "${five[@]}"
    found ""
    start_mesh
    wait_for 60 "version 2 at all sites" reached 2 "${five[@]}"
    kill_now "daemon of $moved"
    inside "$moved" ip address del "$(address_of "$moved")/16" dev "$names_prefix${number_of[$moved]}"
    inside "$moved" ip address add "$(address_of "$moved" 2)/16" dev "$names_prefix${number_of[$moved]}"
    configure "$moved" "$(address_of "$moved" 2)"
    before=$(highest "${five[@]}")
    start_daemon "$moved"
    for site in de es it pl; do wait_for 60 "the new address at $site" knows_address "$site" "$moved"; done
    # Those that begin anew find it from what they kept.
    for site in de pl; do
        kill_now "daemon of $site"
        start_daemon "$site"
    done
    for site in "${five[@]}"; do wait_for 60 "all links of $site" has_links "$site" 4; done
    wait_for 120 "contributions after the move" contributed_since "$before" "${five[@]}"
    same_versions "${five[@]}"
}

# Whether a site knows the other's new address and that one only, and is linked to it.
knows_address() {
    ask "$(socket_of "$1")" peers | jq -e --arg site "$2" --arg address "$(address_of "$2" 2):7700" \
        '.peers[] | select(.site == $site) | .link == "up" and .addresses == [$address]' >/dev/null
}

# Daemons are killed at random, again and again, one or two of seven at once, in the end all of them together.
kill_storm() {
    local kills=0 site height victims
    network_up "$good_lines" "${seven[@]}"
    found ""
    start_mesh
    wait_for 60 "version 1 at all sites" reached 1 "${seven[@]}"
    RANDOM=$seed
    while ((kills < storm_kills)); do
        draw $((1 + RANDOM % 2)) "${seven[@]}"
        victims=("${drawn[@]}")
        height=$(highest "${seven[@]}")
        for site in "${victims[@]}"; do kill_now "daemon of $site"; done
        kills=$((kills + ${#victims[@]}))
        # Some come back at once, some only when the others have gone on without them.
        if ((RANDOM % 3 == 0)); then wait_for 120 "a version of those that are left" gone_on "$height"; fi
        for site in "${victims[@]}"; do start_daemon "$site"; done
    done
    height=$(highest "${seven[@]}")
    for site in "${seven[@]}"; do kill_now "daemon of $site"; done
    kills=$((kills + 7))
    for site in "${seven[@]}"; do start_daemon "$site"; done
    wait_for 180 "two versions after the storm" reached $((height + 2)) "${seven[@]}"
    wait_for 120 "contributions of all seven" contributed_since "$height" "${seven[@]}"
    same_versions "${seven[@]}"
    verify_ledger "${seven[RANDOM % 7]}"
    say "  $kills kills"
}

gone_on() { (($(highest "${sites[@]}") > $1)); }

# Daemons stand still for longer than a view takes and wake up in another world: first two of seven, without whom the
# others go on; then three, without whom nobody can.
pauses() {
    local height site paused=(es nl) third=cs left=(de fr it pl)
    network_up "$good_lines" "${seven[@]}"
    found ""
    start_mesh
    wait_for 60 "version 2 at all sites" reached 2 "${seven[@]}"
    for site in "${paused[@]}"; do kill -STOP "$(pid_of "daemon of $site")"; done
    height=$(highest cs de fr it pl)
    wait_for 120 "three versions without the two" reached $((height + 3)) cs de fr it pl
    kill -STOP "$(pid_of "daemon of $third")"
    height=$(highest "${left[@]}")
    wait_for 120 "de to see that the three are gone" has_links de 3
    # Four of seven are no quorum. One version could be through but for votes that were on their way.
    (($(highest "${left[@]}") <= height + 1)) || give_up "four of seven certified versions by themselves"
    for site in "${paused[@]}" "$third"; do kill -CONT "$(pid_of "daemon of $site")"; done
    height=$(highest "${seven[@]}")
    wait_for 120 "two versions at all sites" reached $((height + 2)) "${seven[@]}"
    wait_for 120 "contributions of all seven" contributed_since "$height" "${seven[@]}"
    same_versions "${seven[@]}"
}

# Two of five sites have disks that take 250 ms for every sync. Nobody else waits for them; they stay members.
slow_disk() {
    local site before
    clang -shared -fPIC -O2 -o "$work/slow-sync.so" Deploy/network/slow-sync.c -ldl
    network_up "$good_lines" "${five[@]}"
    found ""
    for site in de es fr; do start_daemon "$site"; done
    for site in it pl; do
        start_daemon "$site" env LD_PRELOAD="$work/slow-sync.so" SLOW_SYNC_MILLISECONDS=250
    done
    for site in "${five[@]}"; do start_trainer "$site"; done
    wait_for 120 "version 2 at all sites" reached 2 "${five[@]}"
    before=$(highest "${five[@]}")
    wait_for 120 "contributions of all five" contributed_since "$before" "${five[@]}"
    wait_for 120 "version $((before + versions)) at all sites" reached $((before + versions)) "${five[@]}"
    same_versions "${five[@]}"
    verify_ledger it
}
