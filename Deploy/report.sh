# shellcheck shell=bash
# The parts of quickstart's report that write numbers. Sourced after lib.sh, which fixes the locale.

# How much text a site has: report_text NAME DIRECTORY
report_text() {
    printf '  %-12s %6d files %8.1f MB\n' "$1" "$(find -L "$2" -type f | wc -l)" \
        "$(find -L "$2" -type f -printf '%s\n' | awk '{s += $1} END {print s / 1e6}')"
}

# One line a site, from the JSON list of what each has: report_sites FILE
report_sites() {
    jq -r '.[] | [.name, .height, .head[0:16], .bytes_sent / 1e6, .resident_bytes_max / 1048576] | @tsv' "$1" \
        | awk -F '\t' '
        BEGIN {printf "  %-12s %7s  %-16s %8s %11s\n", "site", "height", "head", "MB sent", "MiB memory"}
        {printf "  %-12s %7d  %-16s %8.1f %11.1f\n", $1, $2, $3, $4, $5}'
}
