package onboard

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// longestName is the limit of a Puskesmas's metadata.name.
const longestName = 40

// called is how lists write that a Puskesmas is one.
var called = regexp.MustCompile(`(?i)^(uptd?\.? +)?(puskesmas|pkm\.?)( +|$)`)

// plainName leaves out the word Puskesmas, which the API does not repeat.
func plainName(name string) string { return called.ReplaceAllString(name, "") }

// ascii takes the marks off letters: é becomes e.
func ascii(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), text)
	if err != nil {
		return text // what cannot be taken apart is left out later
	}
	return plain
}

// dnsName makes a DNS label of a name, and "" of one without a Latin letter or digit.
func dnsName(name string) string {
	parts := strings.FieldsFunc(strings.ToLower(ascii(strings.NewReplacer("'", "", "’", "", "`", "").Replace(name))), func(r rune) bool {
		return r > unicode.MaxASCII || (!unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	label := strings.Join(parts, "-")
	if label != "" && unicode.IsDigit(rune(label[0])) {
		label = "pkm-" + label
	}
	return label
}

// fold makes names comparable: what remains are letters and digits.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, ascii(name))
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
