# Draws loss curves as SVG. Input: lines of NAME KIND STEP LOSS, KIND being mesh (drawn solid) or alone (dashed).
# Variables: title, xlabel, ylabel.
BEGIN {
    width = 900; height = 520; left = 70; right = 190; top = 50; bottom = 60
    split("#1f6fb4 #d9541e #2c9940 #8a4fb0 #b8860b #c02f5c #0f8b8d #555555", palette, " ")
}
NF >= 4 && $4 ~ /^[0-9.eE+-]+$/ {
    key = $1 " " $2
    if (!(key in count)) order[++series] = key
    if (!($1 in color)) { color[$1] = palette[(names % 8) + 1]; label[++names] = $1 }
    n = ++count[key]
    x[key, n] = $3 + 0; y[key, n] = $4 + 0
    if (!points++ || $3 + 0 > xmax) xmax = $3 + 0
    if (points == 1 || $4 + 0 > ymax) ymax = $4 + 0
    if (points == 1 || $4 + 0 < ymin) ymin = $4 + 0
}
function px(v) { return left + (width - left - right) * (xmax > 0 ? v / xmax : 0) }
function py(v) { return height - bottom - (height - top - bottom) * (v - low) / (high - low) }
# A round step that divides a span into about six parts.
function tick(span,    raw, base) {
    raw = span / 6
    base = 10 ^ int(log(raw) / log(10) - (raw < 1 ? 1 : 0))
    if (raw / base > 5) return 10 * base
    if (raw / base > 2) return 5 * base
    if (raw / base > 1) return 2 * base
    return base
}
function escaped(text) { gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); return text }
END {
    if (!points) { print "curve.awk: no points" > "/dev/stderr"; exit 1 }
    step = tick(ymax - ymin > 0.01 ? ymax - ymin : 0.01)
    low = step * int(ymin / step); high = step * (int(ymax / step) + 1)
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\"", width, height, width, height
    print " font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">"
    printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height
    printf "<text x=\"%d\" y=\"28\" font-size=\"17\" font-weight=\"bold\">%s</text>\n", left, escaped(title)
    for (v = low; v <= high + step / 2; v += step) {
        printf "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#e4e4e4\"/>", left, py(v), width - right, py(v)
        printf "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n", left - 8, py(v) + 4, v
    }
    xstep = tick(xmax > 0 ? xmax : 1); if (xstep < 1) xstep = 1
    for (v = 0; v <= xmax; v += xstep)
        printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>\n", px(v), height - bottom + 20, v
    printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (left + width - right) / 2, height - 16, escaped(xlabel)
    printf "<text transform=\"translate(18 %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", (top + height - bottom) / 2, escaped(ylabel)
    for (s = 1; s <= series; s++) {
        split(order[s], part, " ")
        path = ""
        for (n = 1; n <= count[order[s]]; n++) path = path sprintf("%.1f,%.1f ", px(x[order[s], n]), py(y[order[s], n]))
        printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"%s\"/>\n", \
            color[part[1]], part[2] == "alone" ? " stroke-dasharray=\"5 4\" opacity=\"0.7\"" : "", path
    }
    for (n = 1; n <= names; n++) {
        printf "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"3\"/>", \
            width - right + 20, top + 20 * n, width - right + 44, top + 20 * n, color[label[n]]
        printf "<text x=\"%d\" y=\"%d\">%s</text>\n", width - right + 52, top + 20 * n + 4, escaped(label[n])
    }
    printf "<text x=\"%d\" y=\"%d\">solid: the mesh</text>\n", width - right + 20, top + 20 * names + 34
    printf "<text x=\"%d\" y=\"%d\">dashed: alone</text>\n", width - right + 20, top + 20 * names + 54
    print "</svg>"
}
