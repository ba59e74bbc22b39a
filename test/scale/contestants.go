package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

const theOperator = "operator"

// contestants are all that can be measured side by side. Peers run with the
// settings by which they are fastest here, and without a limit of their own on
// requests, like the operator.
func contestants() []contestant {
	return []contestant{
		{name: theOperator, what: "this operator", bring: bringByOperator},
		limit(limitApply, "server-side apply", (*bench).bareApply),
		limit(limitPost, "POST", (*bench).barePost),
		limit(limitResources, "server-side apply + resources + a status each", (*bench).bareResources),
		kro("kro-district", "kro, an instance for each District", kroPerDistrict),
		kro("kro-puskesmas", "kro, an instance for each Puskesmas", kroPerPuskesmas),
		flux(),
		helm(),
		kubectl(),
	}
}

// contestantNames are for the flag's help.
func contestantNames() string {
	var names []string
	for _, c := range contestants() {
		names = append(names, c.name)
	}
	return strings.Join(names, ",")
}

// chosen are the contestants of a list. Those whose program is not there are
// left out, and it is said why.
func (b *bench) chosen(list string) (in []contestant, out map[string]string, err error) {
	all := contestants()
	out = map[string]string{}
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(c contestant) bool { return c.name == name })
		if i < 0 {
			return nil, nil, fmt.Errorf("there is no contestant %q: name some of %s", name, contestantNames())
		}
		if program := all[i].program; program != nil {
			if _, err := os.Stat(program(b)); err != nil {
				out[name] = fmt.Sprintf("it is not built: make %s", program(b))
				continue
			}
		}
		in = append(in, all[i])
	}
	return in, out, nil
}
