// Package mask takes secrets out of texts that other software wrote.
package mask

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	hidden = "***"
	// shortest value that is looked for: shorter ones are in every other word.
	shortest = 4
	// shortestLine of a value with several lines, such as a key, that is looked for by itself.
	shortestLine = 12
)

// Masker knows what has to be hidden.
type Masker struct {
	values *strings.Replacer
}

// New hides every value of some Secrets, in the forms in which software writes
// them, and in any case what looks like a password.
func New(secrets []corev1.Secret) *Masker {
	var values []string
	for i := range secrets {
		for _, value := range secrets[i].Data {
			values = append(values, forms(string(value))...)
		}
		for _, value := range secrets[i].StringData {
			values = append(values, forms(value)...)
		}
	}
	// Of two that begin alike the longer one goes first, or its end would stay.
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	values = slices.Compact(values)
	pairs := make([]string, 0, 2*len(values))
	for _, value := range values {
		pairs = append(pairs, value, hidden)
	}
	return &Masker{strings.NewReplacer(pairs...)}
}

// forms of a value: as it is, encoded, and its lines.
func forms(value string) []string {
	trimmed := strings.TrimSpace(value)
	if len(trimmed) < shortest {
		return nil
	}
	all := []string{trimmed, base64.StdEncoding.EncodeToString([]byte(value)), url.QueryEscape(trimmed), url.PathEscape(trimmed)}
	for line := range strings.Lines(trimmed) {
		if line = strings.TrimSpace(line); line != trimmed && len(line) >= shortestLine {
			all = append(all, line)
		}
	}
	return all
}

// patterns of what is secret whatever its value; the groups stay.
var patterns = []*regexp.Regexp{
	// A private key, or its beginning where the end is cut off.
	regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`),
	// The password of a URL, which may hold an @ itself.
	regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:)[^\s]*(@)`),
	// Authorization: Basic …, Bearer ….
	regexp.MustCompile(`(?i)(\b(?:basic|bearer)\s+)[A-Za-z0-9._~+/=-]{8,}`),
	// A JSON Web Token.
	regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?`),
	// password=…, "client_secret": "…", PGPASSWORD: ….
	regexp.MustCompile(`(?i)([\w.-]*(?:passwd|password|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&"']+)`),
}

// Mask hides secrets in a text.
func (m *Masker) Mask(text string) string {
	text = m.values.Replace(text)
	for _, pattern := range patterns {
		text = pattern.ReplaceAllString(text, "${1}"+hidden+"${2}")
	}
	return text
}
