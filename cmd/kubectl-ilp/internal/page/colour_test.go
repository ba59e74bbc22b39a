package page

import (
	"bytes"
	"io"
	"testing"
)

func TestColourer(t *testing.T) {
	var out bytes.Buffer
	text := "✓ well\n│  └─ ✗ not well\n  ! beware! ✓ is no mark here\nDone ✓\n"
	n, err := io.WriteString(colourer{&out}, text)
	if err != nil || n != len(text) {
		t.Errorf("writes %d of %d: %v", n, len(text), err)
	}
	want := "\x1b[32m✓\x1b[0m well\n│  └─ \x1b[31m✗\x1b[0m not well\n  \x1b[33m!\x1b[0m beware! ✓ is no mark here\nDone ✓\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

// TestNoColour: what is no terminal gets plain text.
func TestNoColour(t *testing.T) {
	var out bytes.Buffer
	if Coloured(&out) != io.Writer(&out) {
		t.Error("a buffer is given colours")
	}
}
