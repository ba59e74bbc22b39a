package v1alpha1

import "testing"

func TestTimeZoneOrDefault(t *testing.T) {
	tests := []struct {
		name string
		spec DistrictSpec
		want string
	}{
		{"Kabupaten Sintang is WIB", DistrictSpec{Code: "61.05"}, "Asia/Jakarta"},
		{"Kabupaten Buleleng is WITA", DistrictSpec{Code: "51.08"}, "Asia/Makassar"},
		{"Kota Banjarmasin is WITA, though on Kalimantan too", DistrictSpec{Code: "63.71"}, "Asia/Makassar"},
		{"Kabupaten Jayapura is WIT", DistrictSpec{Code: "91.03"}, "Asia/Jayapura"},
		{"the spec goes first", DistrictSpec{Code: "61.05", TimeZone: "Asia/Pontianak"}, "Asia/Pontianak"},
		{"there is no province 20", DistrictSpec{Code: "20.01"}, ""},
		{"there is no code", DistrictSpec{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.spec.TimeZoneOrDefault(); got != test.want {
				t.Errorf("TimeZoneOrDefault() = %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryProvinceHasATimeZone(t *testing.T) {
	zones := map[string]int{}
	for _, zone := range provinceTimeZones {
		zones[zone]++
	}
	if len(provinceTimeZones) != 38 || zones[wib] != 18 || zones[wita] != 12 || zones[wit] != 8 {
		t.Errorf("%d provinces in zones %v, want 38: 18 WIB, 12 WITA, 8 WIT", len(provinceTimeZones), zones)
	}
}

func TestNamespaceFor(t *testing.T) {
	if got := NamespaceFor("61.05"); got != "ilp-6105" {
		t.Errorf("NamespaceFor(61.05) = %q, want ilp-6105", got)
	}
}

func TestCodeForNamespace(t *testing.T) {
	tests := map[string]KabKotaCode{
		"ilp-6105":      "61.05",
		"ilp-9171":      "91.71",
		"ilp-system":    "",
		"ilp-610":       "",
		"ilp-61055":     "",
		"ilp-61.05":     "",
		"ilp-٦١٠٥":      "",
		"6105":          "",
		"kube-system":   "",
		"ilp-6105-test": "",
		"":              "",
	}
	for namespace, want := range tests {
		t.Run(namespace, func(t *testing.T) {
			code, ok := CodeForNamespace(namespace)
			if code != want || ok != (want != "") {
				t.Errorf("CodeForNamespace(%q) = %q, %v, want %q, %v", namespace, code, ok, want, want != "")
			}
		})
	}
}

// FuzzCodeForNamespace holds that a namespace taken for a district's is the very
// one that the district has, so that no two namespaces share a code.
func FuzzCodeForNamespace(f *testing.F) {
	for _, namespace := range []string{"ilp-6105", "ilp-", "ilp-61.05", "ilp-ilp-6105", "default"} {
		f.Add(namespace)
	}
	f.Fuzz(func(t *testing.T, namespace string) {
		code, ok := CodeForNamespace(namespace)
		if ok && NamespaceFor(code) != namespace {
			t.Errorf("CodeForNamespace(%q) = %q, whose namespace is %q", namespace, code, NamespaceFor(code))
		}
		if !ok && code != "" {
			t.Errorf("CodeForNamespace(%q) = %q, false", namespace, code)
		}
	})
}

// FuzzNamespaceFor holds that every code of a district comes back from its namespace.
func FuzzNamespaceFor(f *testing.F) {
	f.Add(uint8(61), uint8(5))
	f.Fuzz(func(t *testing.T, province, number uint8) {
		digits := func(n uint8) string { return string([]byte{'0' + n%100/10, '0' + n%10}) }
		code := KabKotaCode(digits(province) + "." + digits(number))
		if got, ok := CodeForNamespace(NamespaceFor(code)); !ok || got != code {
			t.Errorf("CodeForNamespace(NamespaceFor(%q)) = %q, %v", code, got, ok)
		}
	})
}
