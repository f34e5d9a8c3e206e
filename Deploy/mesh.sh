# shellcheck shell=bash
# Running a mesh from a script: free ports, processes and their end, waiting for heights. Sourced after lib.sh.
# The caller sets: bin, the folder of the executables.

pids=()      # what must be stopped, in the order of its start
pid_names=() # what each of them is called
pid_logs=()

# Starts a command in the background under a name, its output in a log: start NAME LOG COMMAND...
start() {
    local name=$1 log=$2
    shift 2
    "$@" >>"$log" 2>&1 </dev/null &
    pids+=($!)
    pid_names+=("$name")
    pid_logs+=("$log")
}

# The process id of what runs under a name; fails where nothing does.
pid_of() {
    local index
    for index in "${!pids[@]}"; do
        if [ "${pid_names[index]}" = "$1" ] && kill -0 "${pids[index]}" 2>/dev/null; then
            say "${pids[index]}"
            return
        fi
    done
    return 1
}

# Ends what runs under a name as a loss of power would, but for the disk. Nobody is told that it is gone.
kill_now() {
    local index
    for index in "${!pids[@]}"; do
        [ "${pid_names[index]}" = "$1" ] || continue
        kill -KILL "${pids[index]}" 2>/dev/null || true
        wait "${pids[index]}" 2>/dev/null || true
        unset "pids[index]" "pid_names[index]" "pid_logs[index]"
    done
}

# Ends everything that still runs: a polite signal, three seconds, then the other one.
stop_all() {
    local pid waited=0
    ((${#pids[@]})) || return 0
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    while ((waited < 30)) && any_alive; do
        sleep 0.1
        waited=$((waited + 1))
    done
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait "${pids[@]}" 2>/dev/null || true
    pids=()
    pid_names=()
    pid_logs=()
}

any_alive() {
    local pid
    for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null && return 0; done
    return 1
}

# Dies, with the end of its log, if a process of which the name begins with a prefix has ended otherwise than by 0.
check_alive() {
    local index pid status
    for index in "${!pids[@]}"; do
        pid=${pids[index]}
        kill -0 "$pid" 2>/dev/null && continue
        status=0
        wait "$pid" || status=$?
        # A trainer ends by itself when its last version is certified; a daemon never does.
        if ((status != 0)) || [[ ${pid_names[index]} == daemon* ]]; then
            show_log "${pid_logs[index]}"
            die "the ${pid_names[index]} ended with status $status (log: ${pid_logs[index]})"
        fi
    done
}

show_log() {
    printf -- '---- the end of %s\n' "$1" >&2
    tail -n 15 "$1" >&2 || true
    printf -- '----\n' >&2
}

# So many TCP ports that nobody listens on or uses, one a line, below the range of ephemeral ports.
free_ports() {
    local wanted=$1 port used
    used=$(awk 'FNR > 1 {split($2, a, ":"); print a[2]}' /proc/net/tcp /proc/net/tcp6 2>/dev/null || true)
    port=$((20000 + RANDOM % 8000))
    while ((wanted > 0)); do
        if ! grep -qix "$(printf '%04X' "$port")" <<<"$used"; then
            say "$port"
            wanted=$((wanted - 1))
        fi
        port=$((port + 1))
        ((port < 32000)) || die "no free TCP ports between 20000 and 32000"
    done
}

# What a control socket answers, as JSON; nothing where the daemon is not up yet: ask SOCKET VERB ...
ask() {
    local socket=$1
    shift
    "$bin/meshctl" "$@" --socket "$socket" --json 2>/dev/null
}

# The height of a daemon's newest certified version; -1 while it cannot be asked.
height_of() {
    local answer
    answer=$(ask "$1" status | jq -r '.height' 2>/dev/null) || true
    [[ $answer =~ ^[0-9]+$ ]] && say "$answer" || say -1
}

# Gives `drawn` COUNT of the other arguments, in an order drawn with RANDOM: draw COUNT ARGUMENT...
# Not to be called in a subshell: there RANDOM begins anew, and no seed could repeat what it gives.
drawn=()
draw() {
    local count=$1 order=("${@:2}") index other swap
    for ((index = ${#order[@]} - 1; index > 0; index--)); do
        other=$((RANDOM % (index + 1)))
        swap=${order[index]}
        order[index]=${order[other]}
        order[other]=$swap
    done
    drawn=("${order[@]:0:count}")
}
