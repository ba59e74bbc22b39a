package v1alpha1

import "testing"

func TestPustuMeetsMinimum(t *testing.T) {
	tests := []struct {
		name  string
		pustu Pustu
		want  bool
	}{
		{"the minimum", Pustu{Bidan: 1, Perawat: 1, Kader: 2}, true},
		{"more of each", Pustu{Bidan: 2, Perawat: 3, Kader: 9}, true},
		{"no bidan", Pustu{Perawat: 1, Kader: 2}, false},
		{"no perawat", Pustu{Bidan: 1, Kader: 2}, false},
		{"one kader", Pustu{Bidan: 1, Perawat: 1, Kader: 1}, false},
		{"many of one do not make up for none of another", Pustu{Bidan: 5, Kader: 5}, false},
		{"nobody", Pustu{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.pustu.MeetsMinimum(); got != test.want {
				t.Errorf("MeetsMinimum() = %v, want %v", got, test.want)
			}
		})
	}
}

func TestRMEImage(t *testing.T) {
	release := StackReleaseSpec{RME: []RMERelease{
		{Profile: RMEProfileGNUHealth, Image: "gnuhealth:5.0.6"},
		{Profile: RMEProfileHAPIFHIR, Image: "hapi-fhir:5.4.0"},
	}}
	if image, ok := release.RMEImage(RMEProfileHAPIFHIR); !ok || image != "hapi-fhir:5.4.0" {
		t.Errorf("RMEImage(hapi-fhir) = %q, %v", image, ok)
	}
	if image, ok := release.RMEImage(RMEProfileCustom); ok || image != "" {
		t.Errorf("RMEImage(custom) = %q, %v, want none", image, ok)
	}
}
