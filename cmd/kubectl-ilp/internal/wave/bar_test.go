package wave

import "testing"

func TestBar(t *testing.T) {
	for want, c := range map[string]counts{
		"[                        ]": {Total: 2, Pinned: 2},
		"[########################]": {Total: 3, Done: 3},
		"[########!!!!>>>>........]": {Total: 7, Done: 2, Failed: 1, InFlight: 1, Held: 2, Pinned: 1},
		"[........................]": {Total: 514, InFlight: 1, Held: 513},
	} {
		if got := c.bar(); got != want {
			t.Errorf("%+v: got %s, want %s", c, got, want)
		}
	}
}
