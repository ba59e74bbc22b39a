package page

import (
	"bytes"
	"testing"
	"time"
)

func TestPage(t *testing.T) {
	var out bytes.Buffer
	p := New(&out)
	p.Sayf("%d rows", 2)
	p.Table([][]string{{"A", "B"}, {"one\nword", "\x1b[31mred\x07"}})
	if want := "2 rows\n  A          B\n  one word   [31mred\n"; p.Err != nil || out.String() != want {
		t.Errorf("writes %q, want %q: %v", out.String(), want, p.Err)
	}
	if got := Short("a\tlonger text", 10); got != "a longe…" {
		t.Errorf("cuts to %q", got)
	}
	now := time.Date(2025, 6, 2, 1, 0, 0, 0, time.UTC)
	if got := Age(now, now.Add(-90*time.Minute)) + " " + Age(now, time.Time{}); got != "90m -" {
		t.Errorf("ages are %q", got)
	}
}
