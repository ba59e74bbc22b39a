package page

import (
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens one, and the end at which a person would sit.
func terminal(t *testing.T) (program, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd()) //nolint:gosec // a file descriptor is small
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 10, Col: 19}); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return program, person
}

// TestTerminal: colours and drawing in place are for terminals, and colours only
// for those who want them.
func TestTerminal(t *testing.T) {
	for name, test := range map[string]struct{ noColor, term, want string }{
		"a terminal with colours": {"", "xterm", "\x1b[32m✓\x1b[0m a line that is t…\r\n"},
		"NO_COLOR":                {"1", "xterm", "✓ a line that is t…\r\n"},
		"a dumb terminal":         {"", "dumb", "✓ a line that is t…\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", test.noColor)
			t.Setenv("TERM", test.term)
			program, person := terminal(t)
			screen := ScreenOf(program)
			if screen == nil {
				t.Fatal("a terminal is taken for something else")
			}
			if err := screen.Draw(func(w io.Writer) error { _, err := io.WriteString(w, "✓ a line that is too long\n"); return err }); err != nil {
				t.Fatal(err)
			}
			shown := make([]byte, 200)
			n, err := person.Read(shown)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(shown[:n]); got != test.want {
				t.Errorf("shows %q, want %q", got, test.want)
			}
		})
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if ScreenOf(file) != nil || Coloured(file) != io.Writer(file) {
		t.Error("a file is taken for a terminal")
	}
}
