package onboard

import (
	"regexp"
	"strings"
	"unicode"

	"ilp.health/operator/controllers/wilayah"
)

// longestName is the limit of a Puskesmas's metadata.name.
const longestName = 40

// called is how lists write that a Puskesmas is one.
var called = regexp.MustCompile(`(?i)^(uptd?\.? +)?(puskesmas|pkm\.?)( +|$)`)

// plainName leaves out the word Puskesmas, which the API does not repeat.
func plainName(name string) string { return called.ReplaceAllString(name, "") }

// dnsName makes a DNS label of a name, and "" of one without a Latin letter or digit.
func dnsName(name string) string {
	parts := strings.FieldsFunc(strings.ToLower(wilayah.ASCII(strings.NewReplacer("'", "", "’", "", "`", "").Replace(name))), func(r rune) bool {
		return r > unicode.MaxASCII || (!unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	label := strings.Join(parts, "-")
	if label != "" && unicode.IsDigit(rune(label[0])) {
		label = "pkm-" + label
	}
	return label
}

// nameAll gives every facility a name that no other has, whatever their order.
// Those that are in the folder already keep theirs.
func nameAll(facilities []*facility, kept map[string]string) {
	taken := map[string]bool{}
	for _, name := range kept {
		taken[name] = true
	}
	var fresh []*facility
	for _, f := range facilities {
		if f.resource = kept[f.code]; f.resource == "" {
			fresh = append(fresh, f)
		}
	}
	// The shortest name first; who shares it with another takes the next.
	for _, candidate := range []func(*facility) string{
		func(f *facility) string { return dnsName(f.name) },
		func(f *facility) string { return dnsName(f.name + " " + f.kecamatan.name) },
		func(f *facility) string { return strings.ToLower(f.code) },
	} {
		count := map[string]int{}
		for _, f := range fresh {
			count[candidate(f)]++
		}
		var left []*facility
		for _, f := range fresh {
			name := candidate(f)
			if name == "" || len(name) > longestName || taken[name] || count[name] > 1 {
				left = append(left, f)
				continue
			}
			f.resource = name
		}
		for _, f := range fresh {
			taken[f.resource] = true
		}
		fresh = left
	}
}
