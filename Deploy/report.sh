# shellcheck shell=bash
# The parts of quickstart's report that write numbers. Sourced after lib.sh, which fixes the locale.

# How much text a site has: report_text NAME DIRECTORY
report_text() {
    printf '  %-12s %6d files %8.1f MB\n' "$1" "$(find -L "$2" -type f | wc -l)" \
        "$(find -L "$2" -type f -printf '%s\n' | awk '{s += $1} END {print s / 1e6}')"
}

# The loss curves as SVG on standard output: report_curve TITLE XLABEL YLABEL POINTS
report_curve() {
    awk -v title="$1" -v xlabel="$2" -v ylabel="$3" -f Deploy/curve.awk "$4"
}

# One line a site, from the JSON list of what each reached: report_sites FILE
report_sites() {
    jq -r '.[] | [.name, .loss_before, .loss_after, .loss_alone, .loss_foreign, .height, .head[0:16], .bytes_sent / 1e6,
        .resident_bytes_max / 1048576] | @tsv' "$1" | awk -F '\t' '
        BEGIN {printf "  %-12s %8s %8s %8s %8s  %7s  %-16s %8s %11s\n", "language", "before", "mesh", "alone", "other", \
            "height", "head", "MB sent", "MiB memory"}
        {printf "  %-12s %8.4f %8.4f %8.4f %8.4f  %7d  %-16s %8.1f %11.1f\n", $1, $2, $3, $4, $5, $6, $7, $8, $9}'
}
