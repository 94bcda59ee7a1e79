# Prints the records of two runs (`wattgrad train --record`) side by side. Reads them line by line, as they are written:
# indented by two blanks a level.
#   awk -f scripts/side-by-side.awk FIRST.json SECOND.json

# The value on a line `"key": value,`, without quotes and escapes.
function value(line) {
    sub(/^ *"[^"]*": /, "", line)
    sub(/,$/, "", line)
    if (line ~ /^"/) {
        line = substr(line, 2, length(line) - 2)
        gsub(/\\"/, "\"", line)
        gsub(/\\\\/, "\\", line)
    }
    return line
}

function row(label, a, b) { printf "%-22s %18s %18s\n", label, a, b }

function number(x, digits) { return x == "" ? "-" : sprintf("%." digits "f", x) }

function ratio(a, b) { return a > 0 ? sprintf("%.2f", b / a) : "-" }

# Joules of a source in a run, never a figure where there is none.
function joules(run, source,    text) {
    if (!((run, source) in status)) return "-"
    if (joule[run, source] == "") return status[run, source]
    text = sprintf("%.1f J", joule[run, source])
    return status[run, source] == "measured" ? text : text " " status[run, source]
}

FNR == 1 { run++; part = ""; source = "" }
/^  "[a-z_]+": / {
    part = $1
    gsub(/[":]/, "", part)
    if ($2 !~ /^[[{]$/) top[run, part] = value($0)
}
part == "regime" && /^    "(batch_size|lr|momentum|target_accuracy)": / { regime[run, $1] = value($0) }
part == "device" && /^    "name": / { device[run] = value($0) }
part == "times" && /^    "[a-z_]+": / { times[run, $1] = value($0) }
part == "work" && /^    "training_flops": / { flops[run] = value($0) }
part == "evaluations" && /^      "accuracy": / { accuracy[run] = value($0) }
part == "energy" && /^      "source": / {
    source = value($0)
    if (!(source in known)) { known[source] = 1; sources[++count] = source }
}
part == "energy" && /^      "status": / { status[run, source] = value($0) }
part == "energy" && /^      "joules": / { joule[run, source] = value($0) }
part == "energy" && /^      "reason": / { if (!(source in reason)) reason[source] = value($0) }
part == "energy" && /^      "remedy": / { if (!(source in remedy)) remedy[source] = value($0) }

END {
    for (n = 1; n <= 2; n++)
        if (top[n, "outcome"] == "") {
            print "a record of two runs could not be read: run `wattgrad train --record` anew" > "/dev/stderr"
            exit 1
        }
    row("", "batch " regime[1, "\"batch_size\":"], "batch " regime[2, "\"batch_size\":"])
    row("learning rate", regime[1, "\"lr\":"], regime[2, "\"lr\":"])
    row("outcome", top[1, "outcome"], top[2, "outcome"])
    row("test accuracy", number(accuracy[1] * 100, 2) " %", number(accuracy[2] * 100, 2) " %")
    row("steps", top[1, "steps"], top[2, "steps"])
    row("samples", top[1, "samples"], top[2, "samples"])
    row("training TFLOP", number(flops[1] / 1e12, 3), number(flops[2] / 1e12, 3))
    training = "\"training_seconds\":"
    row("seconds of training", number(times[1, training], 2), number(times[2, training], 2))
    total = "\"total_seconds\":"
    row("seconds in all", number(times[1, total], 2), number(times[2, total], 2))
    metered = 0
    for (n = 1; n <= count; n++)
        if (joule[1, sources[n]] != "" || joule[2, sources[n]] != "") {
            row("energy, " sources[n], joules(1, sources[n]), joules(2, sources[n]))
            metered++
        }
    if (metered == 0) row("energy", count ? "unavailable" : "not metered", count ? "unavailable" : "not metered")
    if (top[1, "outcome"] == "target-reached" && top[2, "outcome"] == "target-reached") {
        text = "to the same accuracy the second took " ratio(flops[1], flops[2]) " times the work and " \
            ratio(times[1, total], times[2, total]) " times the seconds of the first"
        for (n = 1; n <= count; n++)
            if (status[1, sources[n]] == "measured" && status[2, sources[n]] == "measured")
                text = text ", " ratio(joule[1, sources[n]], joule[2, sources[n]]) " times the joules by " sources[n]
        print text
    }
    print "device: " device[1]
    # What a person can open is said in full; of the rest it is enough that it was looked at.
    for (n = 1; n <= count; n++)
        if (sources[n] in reason && sources[n] in remedy)
            print sources[n] ": " reason[sources[n]] "; to open it: " remedy[sources[n]]
        else if (sources[n] in reason)
            rest = rest (rest == "" ? "" : ", ") sources[n]
    if (rest != "") print "not here: " rest " (`wattgrad doctor` says why)"
}
