package v1alpha1

import "strings"

// Time zones of Indonesia; there is no daylight saving.
const (
	wib  = "Asia/Jakarta"
	wita = "Asia/Makassar"
	wit  = "Asia/Jayapura"
)

// provinceTimeZones has the 38 provinces by their Kemendagri code.
var provinceTimeZones = map[string]string{
	"11": wib, "12": wib, "13": wib, "14": wib, "15": wib, "16": wib, "17": wib, "18": wib, "19": wib, "21": wib,
	"31": wib, "32": wib, "33": wib, "34": wib, "35": wib, "36": wib,
	"51": wita, "52": wita, "53": wita,
	"61": wib, "62": wib, "63": wita, "64": wita, "65": wita,
	"71": wita, "72": wita, "73": wita, "74": wita, "75": wita, "76": wita,
	"81": wit, "82": wit,
	"91": wit, "92": wit, "93": wit, "94": wit, "95": wit, "96": wit,
}

// TimeZoneOrDefault is the district's own time zone, or its province's where the spec
// names none. It is empty for a code of no province, which CEL refuses.
func (s DistrictSpec) TimeZoneOrDefault() string {
	if s.TimeZone != "" {
		return s.TimeZone
	}
	province, _, _ := strings.Cut(string(s.Code), ".")
	return provinceTimeZones[province]
}

// namespacePrefix starts the name of every district's namespace.
const namespacePrefix = "ilp-"

// NamespaceFor is the namespace of a district: ilp-<code without dot>.
func NamespaceFor(code KabKotaCode) string {
	return namespacePrefix + strings.ReplaceAll(string(code), ".", "")
}

// CodeForNamespace is the reverse of NamespaceFor, or false if the namespace
// cannot be a district's.
func CodeForNamespace(namespace string) (KabKotaCode, bool) {
	digits, ok := strings.CutPrefix(namespace, namespacePrefix)
	if !ok || len(digits) != 4 || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return KabKotaCode(digits[:2] + "." + digits[2:]), true
}
