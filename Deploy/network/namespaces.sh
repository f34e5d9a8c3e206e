# shellcheck shell=bash
# Sites as network namespaces with a bad network between them, and a mesh founded there. Sourced after lib.sh and mesh.sh.
# The caller sets: bin, the folder of the executables; work, an empty directory.

declare -A number_of   # site -> its number from 1; it has the addresses 10.78.NUMBER.0/24
sites=()
relay_pipe=''
introducer=''
steps_ahead=''          # of trainers, while they wait; their own default where not set
round_deadline=''       # of a round in milliseconds; 15000 where not set
names_prefix=mn$$      # of namespaces; and of devices, which may have 15 bytes

namespace_of() { say "$names_prefix-$1"; }
socket_of() { say "$work/$1/operator.sock"; }
trainer_socket_of() { say "$work/$1/trainer.sock"; }
address_of() { say "10.78.${number_of[$1]}.${2:-1}"; }

# Runs a command in the network of a site.
inside() {
    local site=$1
    shift
    ip netns exec "$(namespace_of "$site")" "$@"
}
# The same, in place of this process: for what `start` runs.
become() {
    local site=$1
    shift
    cd "$work/$site"
    exec ip netns exec "$(namespace_of "$site")" "$@"
}

# Namespaces for the named sites, each at its end of a relay: network_up "OPTIONS OF netrelay packets" SITE...
network_up() {
    local options site index=0
    read -r -a options <<<"$1"
    shift
    sites=("$@")
    relay_pipe=$work/relay.pipe
    mkfifo "$relay_pipe"
    start "relay" "$work/relay.log" "$bin/netrelay" packets --sites "$(IFS=,; say "${sites[*]}")" \
        --prefix "$names_prefix" --control "$relay_pipe" "${options[@]}"
    wait_for 20 "the relay's devices" grep -qx ready "$work/relay.log"
    for site in "${sites[@]}"; do
        index=$((index + 1))
        number_of[$site]=$index
        mkdir -p "$work/$site"
        ip netns add "$(namespace_of "$site")"
        ip link set "$names_prefix$index" netns "$(namespace_of "$site")"
        inside "$site" ip link set lo up
        inside "$site" ip address add "$(address_of "$site")/16" dev "$names_prefix$index"
        inside "$site" ip link set "$names_prefix$index" mtu 1400 up
    done
}

# Namespaces for the named sites around a switch: bridge_up RATE SITE... Every site's line has this rate in each direction,
# kept by the kernel's token bucket; RATE as tc writes it, such as 100mbit.
bridge_up() {
    local rate=$1 site index=0 hub=$names_prefix-hub
    shift
    sites=("$@")
    ip netns add "$hub"
    ip -n "$hub" link add switch type bridge
    ip -n "$hub" link set switch up
    for site in "${sites[@]}"; do
        index=$((index + 1))
        number_of[$site]=$index
        mkdir -p "$work/$site"
        ip netns add "$(namespace_of "$site")"
        ip -n "$hub" link add "port$index" type veth peer name line netns "$(namespace_of "$site")"
        ip -n "$hub" link set "port$index" master switch up
        inside "$site" ip link set lo up
        inside "$site" ip address add "$(address_of "$site")/16" dev line
        inside "$site" ip link set line up
        inside "$site" tc qdisc add dev line root tbf rate "$rate" burst 64kb latency 50ms
        ip netns exec "$hub" tc qdisc add dev "port$index" root tbf rate "$rate" burst 64kb latency 50ms
    done
}

network_down() {
    local site
    ip netns delete "$names_prefix-hub" 2>/dev/null || true
    for site in "${sites[@]}"; do ip netns delete "$(namespace_of "$site")" 2>/dev/null || true; done
    sites=()
}

# Tells the relay something and waits until it is done: relay "cut a b" ...
relay() {
    local command before
    for command in "$@"; do
        before=$(grep -cFx "done: $command" "$work/relay.log" || true)
        say "$command" >"$relay_pipe"
        wait_for 10 "the relay to $command" relay_has_done "$command" "$before"
    done
}
relay_has_done() { (($(grep -cFx "done: $1" "$work/relay.log" || true) > $2)); }

# Cuts both ways between each of the first and each of the second group: part "a b" "c d e"
part() {
    local left right
    for left in $1; do for right in $2; do relay "cut $left $right" "cut $right $left"; done; done
}

# ---- the mesh

# Genesis of the sites, with options of `meshctl genesis create`; every site gets its folder, keys and configuration.
# found "OPTIONS"
found() {
    local options site other cards=() signatures=()
    read -r -a options <<<"$1"
    [ -e "$work/model" ] || "$bin/meshtrain" init --preset tiny --seed 1 --out "$work/model" >/dev/null
    for site in "${sites[@]}"; do
        "$bin/meshctl" keygen --site "$site" --out "$work/$site/keys" --address "$(address_of "$site"):7700" >/dev/null
        cards+=("$work/$site/keys/site.card")
        signatures+=("$work/$site.signature")
    done
    "$bin/meshctl" genesis create --model "$work/model" --cards "${cards[@]}" --out "$work/genesis.mesh" \
        --inner-steps 1 --batch-sequences 2 --schedule-steps 1000 --warmup-steps 10 "${options[@]}" >/dev/null
    for site in "${sites[@]}"; do
        "$bin/meshctl" genesis sign --genesis "$work/genesis.mesh" --key "$work/$site/keys" --model "$work/model" \
            --out "$work/$site.signature" >/dev/null
    done
    "$bin/meshctl" genesis assemble --genesis "$work/genesis.mesh" --signatures "${signatures[@]}" >/dev/null
    mkdir "$work/text"
    cp Sources/Gossip/*.swift "$work/text/"
    for site in "${sites[@]}"; do configure "$site" "$(address_of "$site")"; done
}

# Writes a site's configuration: configure SITE ADDRESS. It knows one other site, $introducer or the first one; the
# rest is gossiped.
configure() {
    local site=$1 address=$2 known=${introducer:-${sites[0]}}
    if [ "$site" = "$known" ]; then known=${sites[0]}; fi
    if [ "$site" = "$known" ]; then known=${sites[1]}; fi
    cat >"$work/$site/meshnode.toml" <<END
[mesh]
genesis = "../genesis.mesh"
model = "../model"
listen = ["$address:7700"]
announce = ["$address:7700"]
peers = ["$(address_of "$known"):7700"]

[site]
name = "$site"
state = "state"
node_key = "keys/node.key"
link_key = "keys/link.key"

[timing]
round_deadline_milliseconds = ${round_deadline:-15000}
grace_minimum_milliseconds = 500

[workers]
count = 1
END
}

# Starts a site's daemon; words before it, such as `env X=y`, may follow the name.
start_daemon() {
    local site=$1
    shift
    start "daemon of $site" "$work/$site/daemon.log" become "$site" "$@" "$bin/meshnode" --config meshnode.toml
}

# A trainer has no network at all; it waits for a daemon that is away.
start_trainer() {
    local site=$1
    start "trainer of $site" "$work/$site/trainer.log" become "$site" unshare --net \
        env OPENBLAS_NUM_THREADS=1 nice "$bin/meshtrain" run --socket trainer.sock --model ../model --data ../text \
        --state trainer --evaluate-bytes 0 ${steps_ahead:+--steps-ahead "$steps_ahead"}
}

start_mesh() {
    local site
    for site in "${sites[@]}"; do start_daemon "$site"; done
    for site in "${sites[@]}"; do start_trainer "$site"; done
}

# ---- what is waited for

# Asks again and again until a command succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    local seconds=$1 what=$2 deadline=$((SECONDS + $1))
    shift 2
    until "$@"; do
        check_alive
        ((SECONDS < deadline)) || give_up "waited $seconds s in vain for $what"
        sleep 0.4 # between two looks, each of which starts a few processes; what is waited for is the condition
    done
}

give_up() {
    local site
    for site in "${sites[@]}"; do
        pid_of "daemon of $site" >/dev/null || continue
        printf -- '---- %s\n' "$site" >&2
        timeout 5 "$bin/meshctl" status --socket "$(socket_of "$site")" >&2 || true
        tail -n 5 "$work/$site/daemon.log" >&2 || true
    done
    die "$@"
}

# Whether every named site stands at a height or above: reached HEIGHT SITE...
reached() {
    local wanted=$1 site
    shift
    for site in "$@"; do (($(height_of "$(socket_of "$site")") >= wanted)) || return 1; done
}

highest() { # of the named sites
    local site height best=0
    for site in "$@"; do
        height=$(height_of "$(socket_of "$site")")
        if ((height > best)); then best=$height; fi
    done
    say "$best"
}

lowest() {
    local site height best=999999
    for site in "$@"; do
        height=$(height_of "$(socket_of "$site")")
        if ((height < best)); then best=$height; fi
    done
    say "$best"
}

links_up() { # SITE
    ask "$(socket_of "$1")" peers | jq '[.peers[] | select(.link == "up")] | length' 2>/dev/null || say 0
}

# Whether a site has links to exactly so many others.
has_links() { [ "$(links_up "$1")" = "$2" ]; }

# Who contributed to the versions from one height to another, as a site tells it: one name a line, with repetitions.
contributors() { # SITE FIRST LAST
    local height
    for ((height = $2; height <= $3; height++)); do
        ask "$(socket_of "$1")" version "$height" | jq -r '.summary.contributors[]'
    done
}

# Whether each of the named sites is listed in a version after a height: contributed_since HEIGHT SITE...
contributed_since() {
    local since=$1 top listed site
    shift
    top=$(highest "${sites[@]}")
    listed=$(contributors "$1" $((since + 1)) "$top" 2>/dev/null || true)
    for site in "$@"; do grep -qx "$site" <<<"$listed" || return 1; done
}

# Dies unless all named sites have the same versions up to the lowest height among them.
same_versions() {
    local site height top all
    top=$(lowest "$@")
    ((top >= 1)) || give_up "no version is certified"
    for ((height = top; height >= 1 && height > top - 5; height--)); do
        all=$(for site in "$@"; do ask "$(socket_of "$site")" version "$height" | jq -r .summary.version; done)
        [ "$(sort -u <<<"$all" | wc -l)" = 1 ] || give_up "the sites differ at version $height:" "$all"
    done
    say "  the same versions up to $top at ${#@} sites"
}

# Exports the ledger of a site and recomputes every root of it, apart from every daemon.
verify_ledger() { # SITE
    local height
    "$bin/meshctl" ledger export "$work/ledger.mesh" --socket "$(socket_of "$1")" >/dev/null
    "$bin/meshctl" verify --genesis "$work/genesis.mesh" --model "$work/model" --ledger "$work/ledger.mesh" --recompute \
        --json >"$work/verify.json" || give_up "the ledger of $1 does not verify: $(cat "$work/verify.json")"
    height=$(jq -r .height "$work/verify.json")
    say "  the ledger of $1 verifies, every root recomputed, up to version $height"
}
