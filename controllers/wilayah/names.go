package wilayah

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// ASCII takes the marks off letters: é becomes e.
func ASCII(text string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn))), text)
	if err != nil {
		return text // what cannot be taken apart is left out later
	}
	return plain
}

// Fold makes names comparable: what remains are letters and digits.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, ASCII(name))
}

var shortened = regexp.MustCompile(`(?i)^kab(\.|\b)`)

// foldPlace also makes one of Kab. and Kabupaten.
func foldPlace(name string) string { return Fold(shortened.ReplaceAllString(name, "kabupaten ")) }
