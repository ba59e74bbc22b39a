package page

import (
	"bytes"
	"io"
	"os"
	"regexp"

	"golang.org/x/term"
)

// Marks begin a line about something.
const (
	Good    = "✓"
	Bad     = "✗"
	OnWay   = "○"
	Caution = "!"
)

// marks at the beginning of a line, behind what indents it or draws a tree.
var marks = regexp.MustCompile(`(?m)^([ │├└─]*)([✓✗○!]) `)

var colours = map[string]string{Good: "\x1b[32m", Bad: "\x1b[31m", OnWay: "\x1b[36m", Caution: "\x1b[33m"}

// Coloured gives the marks their colours where a person sees them: on a terminal
// that knows colours, unless NO_COLOR says otherwise (https://no-color.org).
func Coloured(out io.Writer) io.Writer {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" { //nolint:gosec // a file descriptor is small
		return out
	}
	return colourer{out}
}

// colourer paints the lines of each write. Columns and widths are settled by
// then, so that escapes count nowhere.
type colourer struct{ out io.Writer }

func (c colourer) Write(text []byte) (int, error) {
	painted := marks.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := marks.FindSubmatch(found)
		return bytes.Join([][]byte{parts[1], []byte(colours[string(parts[2])]), parts[2], []byte("\x1b[0m ")}, nil)
	})
	if _, err := c.out.Write(painted); err != nil {
		return 0, err
	}
	return len(text), nil
}
