package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// table writes a report.
type table struct{ w io.Writer }

func printer(w io.Writer) table { return table{w} }

func (t table) linef(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

// head says what has to be known to read the figures.
func (t table) head(a about) {
	t.linef("")
	t.linef("%d Districts, %d Puskesmas; %s", a.Districts, a.Puskesmas, a.Note)
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(a.Versions)) {
		versions = append(versions, name+" "+a.Versions[name])
	}
	t.linef("commit %s; %s; load %s before; %s", a.Commit, a.Machine, a.Load, strings.Join(versions, ", "))
}

// requests lists requests, most frequent first; watches and leases are left out.
func (t table) requests(r requests) {
	names := slices.SortedFunc(maps.Keys(r), func(a, b string) int { return cmp.Or(cmp.Compare(r[b], r[a]), cmp.Compare(a, b)) })
	var line strings.Builder
	for _, name := range names {
		if !isBusy(name) {
			continue
		}
		entry := fmt.Sprintf("%d %s", r[name], name)
		if line.Len()+len(entry) > 110 {
			t.linef("    %s", line.String())
			line.Reset()
		}
		if line.Len() > 0 {
			line.WriteString(", ")
		}
		line.WriteString(entry)
	}
	if line.Len() > 0 {
		t.linef("    %s", line.String())
	}
}

// aims sets what was aimed at beside what is.
func (t table) aims(aims []aim) {
	if len(aims) == 0 {
		return
	}
	t.linef("")
	t.linef("%-52s%16s%24s", "aim", "at most", "is")
	for _, a := range aims {
		verdict := "met"
		if !a.Met {
			verdict = "missed"
		}
		t.linef("%-52s%16s%24s  %s", a.What, a.bound(), a.Is, verdict)
	}
}
