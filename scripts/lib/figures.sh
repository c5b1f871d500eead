# shellcheck shell=bash
# shellcheck disable=SC2154 # what scripts/bench sets
# Figures of scripts/bench: a line of its table, by which power of N something grows, and a
# picture of what N nodes cost.


# plot TITLE: reads lines "SERIES<tab>N<tab>SECONDS" and prints an SVG, both axes by powers
# of ten, a line for each series in the order in which they come.
plot() {
  awk -F '\t' -v title="$1" '
    function log10(v) { return log(v) / log(10) }
    function x(n) { return 60 + (log10(n) - x0) / (x1 - x0) * 440 }
    function y(s) { return 310 - (log10(s) - y0) / (y1 - y0) * 260 }
    function floor10(v) { v = log10(v); return v >= 0 ? int(v) : -int(-v + 0.999) }
    function text(px, py, anchor, what) {
      printf "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n", px, py, anchor, what
    }
    # Anything else has no place on axes by powers of ten, and would make them endless.
    NF != 3 || $2 <= 0 || $3 <= 0 { bad = $0; exit }
    {
      if (!($1 in count)) names[++series] = $1
      i = ++count[$1]; n[$1, i] = $2; s[$1, i] = $3
      if (NR == 1 || $2 < least) least = $2
      if (NR == 1 || $2 > most) most = $2
      if (NR == 1 || $3 < quickest) quickest = $3
      if (NR == 1 || $3 > slowest) slowest = $3
    }
    END {
      if (bad) print "no point of the picture: " bad >"/dev/stderr"
      if (bad || !NR) exit 1
      split("#1b6ca8 #888888 #c0392b #2e8b57", colours, " ")
      x0 = log10(least) - 0.05; x1 = log10(most) + 0.05
      y0 = floor10(quickest); y1 = floor10(slowest) + 1
      print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 360\" font-family=\"sans-serif\" font-size=\"12\">"
      print "<rect width=\"640\" height=\"360\" fill=\"white\"/>"
      text(280, 24, "middle", title)
      for (e = y0; e <= y1; e++) {
        printf "<line x1=\"60\" x2=\"500\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>\n", y(10 ^ e), y(10 ^ e)
        text(54, y(10 ^ e) + 4, "end", 10 ^ e " s")
      }
      for (j = 1; j <= series; j++) {
        name = names[j]; line = ""
        for (i = 1; i <= count[name]; i++) {
          line = line sprintf("%.1f,%.1f ", x(n[name, i]), y(s[name, i]))
          printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x(n[name, i]), y(s[name, i]), colours[j]
          if (!(n[name, i] in ticks)) {
            ticks[n[name, i]] = 1
            text(x(n[name, i]), 328, "middle", n[name, i])
          }
        }
        printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", line, colours[j]
        i = count[name]
        text(x(n[name, i]) + 8, y(s[name, i]) + 4, "start", name)
      }
      text(280, 348, "middle", "nodes")
      print "</svg>"
    }'
}

# row NAME "WHAT timed SAID"…: a line of the table, and an element of the JSON.
row() {
  local name=$1
  shift
  printf '%s\n' "$@" | awk -v name="$name" -v json="$json" -v of="${of-}" -v series="$series" \
    -v grows="${grows-}" -v growth="$growth" '
    function median(of, n,   i, j, t) {
      for (i = 2; i <= n; i++) {
        t = of[i]
        for (j = i - 1; j > 0 && of[j] > t; j--) of[j + 1] = of[j]
        of[j + 1] = t
      }
      return n % 2 ? of[(n + 1) / 2] : (of[n / 2] + of[n / 2 + 1]) / 2
    }
    { s[NR] = $1 / 1000; stolen += $2; own[NR] = $3 + 0; has = $3 != "-"; all[NR] = $4; runs[NR] = $5 }
    END {
      m = median(s, NR); o = median(own, NR); a = median(all, NR); r = median(runs, NR)
      printf "%-24s %8.2f %8.2f %8.2f %6d %8s %8.1f %6d %6d%%\n", name, m, s[1], s[NR], NR,
        has ? sprintf("%.2f", o) : "-", a, r, stolen / NR
      if (of) printf "%s\t%s\n", of, m >> series
      if (grows) printf "%s\t%s\n", grows, m >> growth
      printf "%s{\"name\": \"%s\", \"seconds\": %.3f, \"least\": %.3f, \"most\": %.3f, \"rounds\": %d, " \
        "\"own_cpu\": %s, \"machine_cpu\": %.2f, \"scheduler_runs\": %d, \"stolen_percent\": %d}\n",
        "", name, m, s[1], s[NR], NR, has ? sprintf("%.2f", o) : "null", a, r, stolen / NR >> json
    }'
}

# fits: reads "WHAT<tab>N<tab>SECONDS" and says by which power of N each grows: the slope of the
# line that fits best (least squares) when both are taken by their logarithms.
fits() {
  awk -F '\t' '
    { n[$1]++; x = log($2); y = log($3); sx[$1] += x; sy[$1] += y; sxx[$1] += x * x; sxy[$1] += x * y }
    !seen[$1]++ { names[++last] = $1 }
    END {
      for (i = 1; i <= last; i++) {
        what = names[i]; below = n[what] * sxx[what] - sx[what] * sx[what]
        if (n[what] > 1 && below > 0)
          printf "%-24s N^%.2f, by %d sizes\n", "grows: " what, \
            (n[what] * sxy[what] - sx[what] * sy[what]) / below, n[what]
      }
    }'
}
