package gate

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
)

// report is what validate has found.
type report struct {
	// Objects that were checked.
	Objects  int                `json:"objects"`
	Problems []manifest.Problem `json:"problems"`
	// Notes say what was not checked.
	Notes []string `json:"notes,omitempty"`
}

var formats = map[string]func(io.Writer, *report) error{
	cmdutil.Text: writeText,
	cmdutil.JSON: func(out io.Writer, r *report) error {
		if r.Problems == nil {
			r.Problems = []manifest.Problem{} // a reader of JSON expects a list
		}
		return cmdutil.WriteJSON(out, r)
	},
	"junit": writeJUnit,
}

// writeText writes a paragraph for each object with problems.
func writeText(out io.Writer, r *report) error {
	var b strings.Builder
	var file, object string
	for _, p := range r.Problems {
		if p.File != file || p.Object != object {
			file, object = p.File, p.Object
			fmt.Fprintln(&b, strings.TrimSuffix(file+": "+object, ": "))
		}
		fmt.Fprintln(&b, "  "+strings.TrimPrefix(p.Path+": "+p.Message, ": "))
	}
	for _, note := range r.Notes {
		fmt.Fprintln(&b, "note: "+note)
	}
	fmt.Fprintf(&b, "%s, %s\n", count(r.Objects, "object"), count(len(r.Problems), "problem"))
	_, err := io.WriteString(out, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// testSuites is the part of JUnit's format that every reader of it knows.
type testSuites struct {
	XMLName xml.Name  `xml:"testsuites"`
	Suite   testSuite `xml:"testsuite"`
}

type testSuite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Cases    []testCase `xml:"testcase"`
	Out      string     `xml:"system-out,omitempty"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *failure `xml:"failure"`
}

type failure struct {
	Message string `xml:"message,attr"`
}

// writeJUnit writes a failed test for each problem, and one that passed where
// there is none.
func writeJUnit(out io.Writer, r *report) error {
	suite := testSuite{Name: "kubectl ilp validate", Tests: len(r.Problems), Failures: len(r.Problems), Out: strings.Join(r.Notes, "\n")}
	for _, p := range r.Problems {
		suite.Cases = append(suite.Cases, testCase{
			Class:   p.File,
			Name:    strings.TrimSpace(p.Object + " " + p.Path),
			Failure: &failure{p.Message},
		})
	}
	if len(r.Problems) == 0 {
		suite.Tests = 1
		suite.Cases = []testCase{{Class: "validate", Name: count(r.Objects, "object")}}
	}
	text, err := xml.MarshalIndent(testSuites{Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s%s\n", xml.Header, text)
	return err
}
