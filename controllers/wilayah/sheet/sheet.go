// Package sheet reads CSV files as people export them from spreadsheets: with
// commas or semicolons, with or without a byte order mark, with the line ends of
// any system, and with columns in any order.
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Table is a sheet whose first line names the columns.
type Table struct {
	// Header is the first line as it is written.
	Header []string
	Rows   []Row

	// keys are the header as it is looked for.
	keys []string
}

// Row is a line of a table that is not empty.
type Row struct {
	// Line of the file, from 1.
	Line  int
	Cells []string
}

// Problem is something that a person must mend in a sheet.
type Problem struct {
	Line int
	// Column as its owner calls it, or empty.
	Column string
	// Message says what is wrong and what would be right.
	Message string
}

func (p *Problem) Error() string {
	if p.Column == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Message)
	}
	return fmt.Sprintf("line %d: %s: %s", p.Line, p.Column, p.Message)
}

const saveAs = `save the sheet as "CSV UTF-8"`

// Read reads a CSV file, or says why it is none.
func Read(content []byte) (*Table, *Problem) {
	wrong := func(line int, format string, args ...any) (*Table, *Problem) {
		return nil, &Problem{Line: line, Message: fmt.Sprintf(format, args...)}
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
	t := &Table{}
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
	if t.Header == nil {
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
func (t *Table) add(line int, cells []string) {
	empty := true
	for i := range cells {
		cells[i] = strings.Join(strings.Fields(cells[i]), " ")
		empty = empty && cells[i] == ""
	}
	switch {
	case empty:
	case t.Header == nil:
		t.Header = cells
		for _, cell := range cells {
			t.keys = append(t.keys, key(cell))
		}
	default:
		t.Rows = append(t.Rows, Row{line, cells})
	}
}

// key makes one of "Kode Puskesmas", "KODE_PUSKESMAS" and "kode-puskesmas".
func key(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "_")
}
