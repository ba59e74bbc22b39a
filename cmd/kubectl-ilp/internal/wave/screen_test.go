package wave

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, size: func() (int, int, error) { return 8, 4, nil }}
	for _, text := range []string{"a line that is long\nshort\n", "1\n2\n3\n4\n5\n", "end\n"} {
		if err := s.draw(func(w io.Writer) error { _, err := fmt.Fprint(w, text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	// Each text begins where the one before began, and clears it.
	want := "a line …\nshort\n" + "\x1b[2A\r\x1b[J1\n2\n3\n" + "\x1b[3A\r\x1b[Jend\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

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
