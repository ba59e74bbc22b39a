package page

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := &Screen{out: &out, size: func() (int, int, error) { return 8, 4, nil }}
	for _, text := range []string{"a line that is long\nshort\n", "1\n2\n3\n4\n5\n", "end\n"} {
		if err := s.Draw(func(w io.Writer) error { _, err := fmt.Fprint(w, text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	// Each text begins where the one before began, and clears it.
	want := "a line …\nshort\n" + "\x1b[2A\r\x1b[J1\n2\n3\n" + "\x1b[3A\r\x1b[Jend\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}
