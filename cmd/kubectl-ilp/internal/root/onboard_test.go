package root

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
)

const header = "code,name,kecamatan_code,kecamatan,desa\n"

const tebidah = "P6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.2001:Nanga Tebidah\n"

// enlist writes a list and runs the command over it.
func enlist(t *testing.T, folder, list string, flags ...string) ran {
	t.Helper()
	t.Chdir(filepath.Dir(folder))
	if err := os.WriteFile("list.csv", []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"onboard", "61.05", "--name", "Kabupaten Sintang", "--puskesmas", "list.csv", "-o", filepath.Base(folder)}, flags...)
	return ilp(t, nil, args...)
}

// contents are all files of a folder in one text.
func contents(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // below the test's own folder
		name, _ := filepath.Rel(folder, path)
		fmt.Fprintf(&all, "-- %s --\n%s", name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOnboard runs over lists as people have them; the folders are golden files.
func TestOnboard(t *testing.T) {
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"english", "indonesia", "per-desa"} {
		t.Run(name, func(t *testing.T) {
			list := read(t, filepath.Join("testdata", "onboard", name+".csv"))
			folder := filepath.Join(t.TempDir(), "sintang")
			flags := []string{"--wave", "gf-rssh-2025", "--domain", "sintang.example.go.id", "--registry", filepath.Join(testdata, "onboard", "registry.csv")}
			got := enlist(t, folder, list, flags...)
			if got.code != cmdutil.ExitDone {
				t.Fatalf("ends with %d: %s", got.code, got.errOut)
			}
			written := contents(t, folder)
			if again := enlist(t, folder, list, flags...); !strings.HasSuffix(again.out, "nothing to change\n") || contents(t, folder) != written {
				t.Errorf("the same list changes something: %s", again.out)
			}
			if checked := ilp(t, nil, "validate", folder); checked.code != cmdutil.ExitDone {
				t.Errorf("it does not pass validate: %s", checked.out)
			}
			t.Chdir(filepath.Dir(testdata))
			golden(t, "onboard/"+name+".txt", got.out+got.errOut+written)
		})
	}
}

// TestOnboardBad has one mistake in each list, or several, and nothing written.
func TestOnboardBad(t *testing.T) {
	registry := filepath.Join(t.TempDir(), "registry.csv")
	places := "kode;nama\n61.05;Kab. Sintang\n61.07;Kab. Bengkayang\n61.05.09;Kayan Hulu\n61.05.01;Sintang\n61.05.09.2001;Nanga Tebidah\n"
	if err := os.WriteFile(registry, []byte(places), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		list  string
		flags []string
		want  []string
	}{
		"empty":          {"", nil, []string{"list.csv:1: the file is empty"}},
		"only a header":  {header, nil, []string{"list.csv:1: the list names no Puskesmas"}},
		"UTF-16":         {"\xff\xfec\x00o\x00", nil, []string{`the file is UTF-16: save the sheet as "CSV UTF-8"`}},
		"Latin 1":        {header + "P6107080201,T\xe9bidah,61.05.09,Kayan Hulu,\n", nil, []string{`list.csv:2: "P6107080201,T?bidah,61.05.09,Kayan Hulu," is not UTF-8`}},
		"a quote":        {header + "P6107080201,Te\"bidah,61.05.09,Kayan Hulu,\n", nil, []string{"list.csv:2:", "close every quotation mark"}},
		"columns":        {"kode,nama\nP6107080201,Tebidah\n", nil, []string{`the column kecamatan_code is missing among ["kode" "nama"]: name it kecamatan_code or kode_kecamatan`, "the column kecamatan is missing"}},
		"columns twice":  {"code,kode,name,kecamatan_code,kecamatan\n", nil, []string{`list.csv:1: kode: columns "code" and "kode" are both the column code: keep one`}},
		"two layouts":    {"code,name,kecamatan_code,kecamatan,desa,desa_code\n", nil, []string{`the columns "desa" and "desa_code" both name desa`}},
		"too many cells": {header + "P6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.2001:Nanga Tebidah,more\n", nil, []string{"list.csv:2: code: the line has 6 cells and the header 5"}},
		"no name":        {header + "P6107080201,Puskesmas ,61.05.09,Kayan Hulu,\n", nil, []string{"list.csv:2: name: the name is missing: write it without the word Puskesmas"}},
		"kode without P": {header + "61070802010,Tebidah,61.05.09,Kayan Hulu,\n", nil, []string{`list.csv:2: code: "61070802010" is not a kode Puskesmas: write P, seven digits`}},
		"kode as a number": {
			header + "6.1071E+10,Tebidah,61.05.09,Kayan Hulu,\n", nil,
			[]string{`"6.1071E+10" is not a kode Puskesmas: a spreadsheet has made a number in scientific notation of it; format the column as text`},
		},
		"kode twice": {header + tebidah + strings.Replace(tebidah, "2001", "2002", 1), nil, []string{`list.csv:3: code: "P6107080201" is already in line 2`}},
		"kecamatan as a number": {
			header + "P6107080201,Tebidah,6.105E+01,Kayan Hulu,\n", nil,
			[]string{`list.csv:2: kecamatan_code: "6.105E+01" is not a Kemendagri code of a kecamatan: a spreadsheet has made a number in scientific notation of it; format the column as text and enter the code again: write PP.KK.CC, such as 61.05.09`},
		},
		"kecamatan as a time": {header + "P6107080201,Tebidah,61:05:09,Kayan Hulu,\n", nil, []string{`"61:05:09" is not a Kemendagri code of a kecamatan: a spreadsheet has made a time of it`}},
		"kecamatan as a date": {header + "P6107080201,Tebidah,11/05/2009,Kayan Hulu,\n", nil, []string{"a spreadsheet has made a date of it"}},
		"kecamatan of BPS":    {header + "P6107080201,Tebidah,6107080,Kayan Hulu,\n", nil, []string{`"6107080" is not a Kemendagri code of a kecamatan: 7 digits without dots are the form of a BPS code`}},
		"kecamatan of BPS with dots": {
			header + "P6107080201,Tebidah,61.07.08,Kayan Hulu,\n", nil,
			[]string{`"61.07.08" lies outside district 61.05: write a Kemendagri code that starts with 61.05; 61.07 may be from a list of BPS codes`},
		},
		"kecamatan is missing": {header + "P6107080201,Tebidah,,Kayan Hulu,\n", nil, []string{"kecamatan_code: the Kemendagri code of a kecamatan is missing: write PP.KK.CC"}},
		"desa of BPS":          {header + "P6107080201,Tebidah,61.05.09,Kayan Hulu,6107080001:Nanga Tebidah\n", nil, []string{`"6107080001" is not a Kemendagri code of a desa or kelurahan: 10 digits without dots`}},
		"desa without name":    {header + "P6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.2001\n", nil, []string{"the name of a desa or kelurahan 61.05.09.2001 is missing: write 61.05.09.2001:name"}},
		"desa twice": {
			header + tebidah + "P6107140201,Sungai Durian,61.05.01,Sintang,61.05.09.2001:Nanga Tebidah\n", nil,
			[]string{`list.csv:3: desa: desa "61.05.09.2001" is already served by Tebidah in line 2`},
		},
		"words": {
			"code,name,kecamatan_code,kecamatan,stage,priority,Kategori,internet\nP6107080201,Tebidah,61.05.09,Kayan Hulu,soon,first,big,fast\n", nil,
			[]string{
				`list.csv:2: Kategori: "big" is none of NonRawatInap (non rawat inap, rawat jalan), RawatInap (rawat inap)`,
				`list.csv:2: stage: "soon" is none of Pilot (lokus, percontohan), Preparing (persiapan), Running (berjalan)`,
				`list.csv:2: internet: "fast" is none of Good (baik)`, `list.csv:2: priority: "first" is not a priority: write a whole number`,
			},
		},
		"organization": {
			"code,name,kecamatan_code,kecamatan,organization_id\nP6107080201,Tebidah,61.05.09,Kayan Hulu,1.0E+09\nP6107140201,Sungai Durian,61.05.01,Sintang,100000123\nP6107140202,Dara Juanti,61.05.01,Sintang,100000123\n", nil,
			[]string{`list.csv:2: organization_id: "1.0E+09" is not a SATUSEHAT Organization ID: a spreadsheet`, `list.csv:4: organization_id: "100000123" is already that of Sungai Durian in line 3`},
		},
		"lines of one Puskesmas differ": {
			"code,name,kecamatan_code,kecamatan,desa_code,desa_name\nP6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.2001,Nanga Tebidah\nP6107080201,Tebida,,,61.05.09.2002,Nanga Payak\n", nil,
			[]string{`list.csv:3: name: "Tebida" differs from "Tebidah" in line 2, of the same Puskesmas`},
		},
		"Pustu without desa": {
			"code,name,kecamatan_code,kecamatan,desa,Nama Pustu\n", nil,
			[]string{`list.csv:1: Nama Pustu: the column "Nama Pustu" speaks of one desa: add the columns desa_code and desa_name and give each desa a line of its own`},
		},
		"Pustu and Posyandu": {
			"code,name,kecamatan_code,kecamatan,desa_code,desa_name,pustu,bidan,kader_pustu,posyandu,kader_posyandu\n" +
				"P6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.2001,Nanga Tebidah,Tebidah,two,-1,201,1\n" +
				"P6107080201,,,,61.05.09.2002,Nanga Payak,,1,,,\nP6107080201,,,,61.05.09.2003,Tanjung Bunga,,,,0,5\nP6107080201,,,,,,Payak,,,,\n", nil,
			[]string{
				`list.csv:2: bidan: "two" is not a number of this kind: write a whole number from 0 to 100`, `list.csv:2: kader_pustu: "-1" is not`,
				`list.csv:2: posyandu: "201" is not a number of this kind: write a whole number from 0 to 200`,
				"list.csv:3: pustu: the line has staff of a Pustu and no Pustu: write its name", "list.csv:4: posyandu: the line has kader of Posyandu and no Posyandu",
				`list.csv:5: pustu: "Payak" belongs to a desa, and the line has none: write desa_code and desa_name`,
			},
		},
		"several Pustu in a desa": {
			"code,name,kecamatan_code,kecamatan,desa_code,desa_name,pustu,posyandu\n" +
				"P6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.2001,Nanga Tebidah,Hulu,2\nP6107080201,,,,61.05.09.2001,,Hulu,\n" +
				"P6107080201,,,,61.05.09.2001,Tebidah,Hilir,3\nP6107080201,,,,61.05.09.2001,Nanga Tebidah,,\n" +
				"P6107140201,Sungai Durian,61.05.01,Sintang,61.05.09.2001,Nanga Tebidah,Seberang,\n", nil,
			[]string{
				`list.csv:3: pustu: "Hulu" of desa 61.05.09.2001 is already in line 2: give each Pustu of a desa a name of its own`,
				`list.csv:4: desa_name: "Tebidah" differs from "Nanga Tebidah", the name of desa 61.05.09.2001 in a line before: write the same or leave it empty`,
				"list.csv:4: posyandu: the Posyandu of desa 61.05.09.2001 have other numbers in line 2: write the same or leave them empty",
				`list.csv:5: desa_code: desa "61.05.09.2001" is already served by Tebidah in line 2`,
				`list.csv:6: desa_code: desa "61.05.09.2001" is already served by Tebidah in line 2`,
			},
		},
		"semicolons": {strings.ReplaceAll(header+"6107,Tebidah,61.05.09,Kayan Hulu,\n", ",", ";"), nil, []string{`list.csv:2: code: "6107" is not a kode Puskesmas`}},
		"BOM and CRLF": {
			"\ufeff" + strings.ReplaceAll(header+"\n6107,Tebidah,61.05.09,Kayan Hulu,\n", "\n", "\r\n"), nil,
			[]string{`list.csv:3: code: "6107" is not a kode Puskesmas`},
		},
		"not in the registry": {
			header + "P6107080201,Tebidah,61.05.08,Kayan Hulu,61.05.09.2001:Tebidah\n",
			[]string{"--registry", registry},
			[]string{`kecamatan_code: "61.05.08" (Kayan Hulu) is not in the registry: Kayan Hulu is 61.05.09 there; 61.05.08 may be its BPS code`, `desa: "61.05.09.2001" is Nanga Tebidah in the registry and not Tebidah`},
		},
		"storage and wave": {header + tebidah, []string{"--storage", "20GB", "--wave", "Wave 1"}, []string{"District sintang: spec.database.storage: '20GB' is not a size", "spec.waveRef.name: 'Wave 1' is not an object's name"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "sintang")
			got := enlist(t, folder, test.list, test.flags...)
			for _, want := range test.want {
				if !strings.Contains(got.errOut, want) {
					t.Errorf("says\n%swant %q", got.errOut, want)
				}
			}
			if got.code != cmdutil.ExitProblems || got.out != "" {
				t.Errorf("exit code %d, want %d; prints %q", got.code, cmdutil.ExitProblems, got.out)
			}
			if _, err := os.Stat(folder); err == nil {
				t.Error("something is written")
			}
		})
	}
}

func TestOnboardUse(t *testing.T) {
	for args, says := range map[string]string{
		"onboard":                       "accepts 1 arg(s), received 0",
		"onboard 61.05":                 "--name, --puskesmas and --output are all needed",
		"onboard 61.5 --name Kabupaten": "all needed",
		"onboard 61.5 --name K --puskesmas x -o y":      `"61.5" is not a Kemendagri code of a kabupaten or kota: a spreadsheet has made a number of it and dropped a zero`,
		"onboard 6.105E+01 --name K --puskesmas x -o y": "a spreadsheet has made a number in scientific notation of it",
		"onboard 6107 --name K --puskesmas x -o y":      "4 digits without dots are the form of a BPS code",
		"validate":            "requires at least 1 arg(s)",
		"validate x -o sarif": `--output "sarif" is unknown: use text, json or junit`,
		"render":              "requires at least 1 arg(s)",
	} {
		if got := ilp(t, nil, strings.Fields(args)...); got.code != cmdutil.ExitUsage || !strings.Contains(got.errOut, says) {
			t.Errorf("%s: ends with %d and says %q, want %q", args, got.code, got.errOut, says)
		}
	}
}

// TestOnboardRegistryKnowsTheDistrict catches a BPS code by the name.
func TestOnboardRegistryKnowsTheDistrict(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"list.csv": header + tebidah, "r.csv": "kode,nama\n61.05,Kabupaten Sintang\n61.07,Kabupaten Bengkayang\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := ilp(t, nil, "onboard", "61.07", "--name", "Kabupaten Sintang", "--puskesmas", "list.csv", "--registry", "r.csv", "-o", "x")
	want := `r.csv: district: "61.07" is Kabupaten Bengkayang in the registry and not Kabupaten Sintang: Kabupaten Sintang is 61.05 there; 61.07 may be its BPS code`
	if got.code != cmdutil.ExitProblems || !strings.Contains(got.errOut, want) {
		t.Errorf("ends with %d and says %s", got.code, got.errOut)
	}
}

// TestOnboardProperty writes folders of random lists of up to 1,000 Puskesmas
// with names as people give them. Each passes validate; running again changes
// nothing, nor does another order of the lines in a file of a Puskesmas.
func TestOnboardProperty(t *testing.T) {
	words := []string{
		"Sukaraja", "Nanga", "No", "null", "1", "007", "Yes", "Désa", "Ké-tapang", "'Ain", "日本", "# hash", "a: b", "{x}", "- y", "Tanjung Puri Lama",
		"~", "1e3", "0x1F", "61.05", "*", "&a", "!t", "%", "@", "`", "\"q\"", "x | y", "éééé", "ñ", "ÆØÅ", "true", "2025-01-01", "Panjang Sekali Namanya Sampai Habis",
	}
	for seed, size := range []int{1, 2, 17, 60, 1000} {
		random := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // no secret
		name := func() string {
			picked := make([]string, 1+random.IntN(3))
			for i := range picked {
				picked[i] = words[random.IntN(len(words))]
			}
			return strings.ReplaceAll(strings.Join(picked, " "), `"`, `""`)
		}
		lines := make([]string, size)
		for i := range lines {
			kecamatan := fmt.Sprintf("61.05.%02d", 1+i%14)
			lines[i] = fmt.Sprintf("P%07d%d%02d;%q;%s;%q;%s.%d", 1000+i/99, 1+i%2, 1+i%99, "", kecamatan, "", kecamatan, 2000+i%1000)
			lines[i] = strings.Replace(lines[i], `""`, `"`+name()+`"`, 1)
			lines[i] = strings.Replace(lines[i], `;"";`, `;"`+name()+`";`, 1)
			lines[i] += fmt.Sprintf(";%q\n", "desa")
		}
		head := "kode;nama;kode_kecamatan;nama_kecamatan;kode_desa;nama_desa\n"
		folder, other := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
		if got := enlist(t, folder, head+strings.Join(lines, "")); got.code != cmdutil.ExitDone {
			t.Fatalf("%d: %s", size, got.errOut)
		}
		if got := ilp(t, nil, "validate", folder); got.code != cmdutil.ExitDone {
			t.Fatalf("%d: %s", size, got.out)
		}
		if size == 1000 {
			continue // once is enough: what follows does not depend on the number
		}
		before := contents(t, folder)
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		if got := enlist(t, folder, head+strings.Join(lines, "")); got.code != cmdutil.ExitDone || contents(t, folder) != before {
			t.Errorf("%d: another order of the lines changes something: %s", size, got.out)
		}
		if got := enlist(t, other, head+strings.Join(lines, "")); got.code != cmdutil.ExitDone {
			t.Fatal(got.errOut)
		}
		if !bytes.Equal([]byte(contents(t, other)), []byte(before)) {
			t.Errorf("%d: a folder made of another order of the lines is another", size)
		}
	}
}
