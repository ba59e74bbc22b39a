package page

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Screen draws a text over the one before.
type Screen struct {
	out  io.Writer
	size func() (width, height int, err error)
	// drawn is how many lines stand there.
	drawn int
}

// ScreenOf is nil for what is no terminal.
func ScreenOf(out io.Writer) *Screen {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) { //nolint:gosec // a file descriptor is small
		return nil
	}
	return &Screen{out: Coloured(out), size: func() (int, int, error) { return term.GetSize(int(file.Fd())) }} //nolint:gosec // as above
}

// Draw cuts what does not fit: a line that wraps, or scrolls away, could not be
// drawn over.
func (s *Screen) Draw(write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if width, height, err := s.size(); err == nil && width > 0 && height > 1 {
		lines = lines[:min(len(lines), height-1)]
		for i, line := range lines {
			if letters := []rune(line); len(letters) > width {
				lines[i] = string(letters[:width-1]) + "…"
			}
		}
	}
	// Up to the first line, and clear from there.
	if s.drawn > 0 {
		if _, err := fmt.Fprintf(s.out, "\x1b[%dA\r\x1b[J", s.drawn); err != nil {
			return err
		}
	}
	s.drawn = len(lines)
	_, err := fmt.Fprintln(s.out, strings.Join(lines, "\n"))
	return err
}
