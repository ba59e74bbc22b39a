package onboard

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// codeForm is what a code looks like, and what its digits without dots do.
type codeForm struct {
	// what the code is one of, how it is written, and one that is right.
	what, form, example string
	pattern             *regexp.Regexp
	// bps is how many digits the BPS code of such a place has.
	bps int
}

var (
	kabKota = codeForm{
		"a kabupaten or kota", "PP.KK", "61.05",
		regexp.MustCompile(`^[1-9][0-9]\.(0[1-9]|[1-6][0-9]|7[1-9]|[89][0-9])$`), 4,
	}
	kecamatan = codeForm{
		"a kecamatan", "PP.KK.CC", "61.05.09",
		regexp.MustCompile(`^[1-9][0-9]\.[0-9]{2}\.(0[1-9]|[1-9][0-9])$`), 7,
	}
	desa = codeForm{
		"a desa or kelurahan", "PP.KK.CC.DDDD", "61.05.09.2001",
		regexp.MustCompile(`^[1-9][0-9]\.[0-9]{2}\.[0-9]{2}\.[123][0-9]{3}$`), 10,
	}

	kodePuskesmas  = regexp.MustCompile(`^P[0-9]{7}[12](0[1-9]|[1-9][0-9])$`)
	organizationID = regexp.MustCompile(`^[0-9]{8,10}$`)
)

// mangled are the ways in which spreadsheets spoil codes that look like numbers.
var mangled = []struct {
	pattern *regexp.Regexp
	how     string
}{
	{regexp.MustCompile(`^[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+$`), "a spreadsheet has made a number in scientific notation of it"},
	{regexp.MustCompile(`^[0-9]+:[0-9]{2}(:[0-9]{2})?$`), "a spreadsheet has made a time of it"},
	{regexp.MustCompile(`^[0-9]{1,4}([-/])[0-9]{1,2}[-/][0-9]{1,4}$`), "a spreadsheet has made a date of it"},
	{regexp.MustCompile(`^[0-9]+(,[0-9]+)+$`), "a spreadsheet has made a number with a decimal comma of it"},
	{regexp.MustCompile(`^[0-9]{2}\.[0-9]$`), "a spreadsheet has made a number of it and dropped a zero"},
	{regexp.MustCompile(`^[0-9]+\.0$`), "a spreadsheet has made a number of it"},
}

var digits = regexp.MustCompile(`^[0-9]+$`)

const asText = "format the column as text and enter the code again"

// howMangled tells what a spreadsheet has done, or nothing.
func howMangled(value string) string {
	for _, m := range mangled {
		if m.pattern.MatchString(value) {
			return m.how
		}
	}
	return ""
}

// check says what is wrong with a code of a place, and what would be right.
func (f codeForm) check(value string) error {
	if f.pattern.MatchString(value) {
		return nil
	}
	wrong := fmt.Sprintf("%q is not a Kemendagri code of %s", value, f.what)
	right := fmt.Sprintf("write %s, such as %s", f.form, f.example)
	switch how := howMangled(value); {
	case value == "":
		return fmt.Errorf("the Kemendagri code of %s is missing: %s", f.what, right)
	case how != "":
		return fmt.Errorf("%s: %s; %s: %s", wrong, how, asText, right)
	case digits.MatchString(value) && len(value) == f.bps:
		return fmt.Errorf("%s: %d digits without dots are the form of a BPS code, which is another system with other numbers: %s", wrong, f.bps, right)
	default:
		return fmt.Errorf("%s: %s", wrong, right)
	}
}

// checkIn also wants the place to lie in the district.
func (f codeForm) checkIn(value, district string) error {
	if err := f.check(value); err != nil {
		return err
	}
	if !strings.HasPrefix(value, district+".") {
		return fmt.Errorf("%q lies outside district %s: write a Kemendagri code that starts with %s; %s may be from a list of BPS codes, which is another system",
			value, district, district, value[:len(kabKota.form)])
	}
	return nil
}

// checkPuskesmas says what is wrong with a kode Puskesmas.
func checkPuskesmas(value string) error {
	const right = "write P, seven digits, 1 or 2, and a number from 01 to 99, such as P6107080201"
	switch how := howMangled(value); {
	case kodePuskesmas.MatchString(value):
		return nil
	case value == "":
		return errors.New("the kode Puskesmas is missing: " + right)
	case how != "":
		return fmt.Errorf("%q is not a kode Puskesmas: %s; %s: %s", value, how, asText, right)
	default:
		return fmt.Errorf("%q is not a kode Puskesmas: %s", value, right)
	}
}

// checkOrganization says what is wrong with an Organization ID.
func checkOrganization(value string) error {
	const right = "write its 8 to 10 digits"
	switch how := howMangled(value); {
	case organizationID.MatchString(value):
		return nil
	case how != "":
		return fmt.Errorf("%q is not a SATUSEHAT Organization ID: %s; %s: %s", value, how, asText, right)
	default:
		return fmt.Errorf("%q is not a SATUSEHAT Organization ID: %s", value, right)
	}
}
