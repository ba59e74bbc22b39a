package onboard

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// table is a CSV file as people export it: with commas or semicolons, with or
// without a byte order mark, with the line ends of any system.
type table struct {
	file string
	// header as it is written, and as it is looked for.
	header, keys []string
	rows         []row
}

type row struct {
	line  int
	cells []string
}

const saveAs = `save the sheet as "CSV UTF-8"`

// readTable reads a CSV file. A file that is no table has no rows and one problem.
func readTable(file string, content []byte) (*table, []manifest.Problem) {
	t := &table{file: file}
	wrong := func(line int, format string, args ...any) (*table, []manifest.Problem) {
		return t, []manifest.Problem{t.problem(line, "", fmt.Sprintf(format, args...))}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff}) {
		return wrong(1, "the file is UTF-16: %s", saveAs)
	}
	for i, line := range bytes.Split(content, []byte("\n")) {
		if !utf8.Valid(line) {
			return wrong(i+1, "%q is not UTF-8: %s", bytes.ToValidUTF8(bytes.TrimSpace(line), []byte("?")), saveAs)
		}
	}
	reader := csv.NewReader(bytes.NewReader(content))
	reader.Comma = delimiter(content)
	reader.FieldsPerRecord = -1
	reader.TrimLeadingSpace = true
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			return wrong(parse.Line, "%v: close every quotation mark, and write one inside a cell twice", parse.Err)
		} else if err != nil {
			return wrong(1, "%v", err)
		}
		line, _ := reader.FieldPos(0)
		t.add(line, cells)
	}
	if t.header == nil {
		return wrong(1, "the file is empty: its first line names the columns")
	}
	return t, nil
}

// delimiter is the one of the two that the first line has more of.
func delimiter(content []byte) rune {
	first, _, _ := bytes.Cut(content, []byte("\n"))
	if bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		return ';'
	}
	return ','
}

// add takes the first line as header and leaves out empty ones.
func (t *table) add(line int, cells []string) {
	empty := true
	for i := range cells {
		cells[i] = strings.Join(strings.Fields(cells[i]), " ")
		empty = empty && cells[i] == ""
	}
	switch {
	case empty:
	case t.header == nil:
		t.header = cells
		for _, cell := range cells {
			t.keys = append(t.keys, key(cell))
		}
	default:
		t.rows = append(t.rows, row{line, cells})
	}
}

// key makes one of "Kode Puskesmas", "KODE_PUSKESMAS" and "kode-puskesmas".
func key(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "_")
}

func (t *table) problem(line int, column, message string) manifest.Problem {
	return manifest.Problem{File: fmt.Sprintf("%s:%d", t.file, line), Path: column, Message: message}
}
