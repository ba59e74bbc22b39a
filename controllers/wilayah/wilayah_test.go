package wilayah

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func read(t *testing.T, text string) *Registry {
	t.Helper()
	r, problems := Read([]byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

func TestCheck(t *testing.T) {
	r := Join(
		read(t, "kode;nama\n61.05;KAB. SINTANG\n61.07;Kabupaten Bengkayang\n61;Kalimantan Barat\n91.01;Kabupaten Merauke\n"),
		read(t, "nama,kode\nKayan Hulu,61.05.09\nNanga Tebidah,61.05.09.2001\n\"Mu'ara, Lama\",61.05.10.2001\n"),
	)
	for name, test := range map[string]struct{ code, name, within, says string }{
		"right":                      {"61.05", "Kabupaten Sintang", "61", ""},
		"shortened":                  {"61.05", "Kab. Sintang", "61", ""},
		"capitals and marks":         {"61.05.10.2001", "MUARA LAMA", "61.05", ""},
		"another place":              {"61.07", "Kabupaten Sambas", "61", `"61.07" is Kabupaten Bengkayang in the registry and not Kabupaten Sambas: write the code and the name of one place`},
		"a BPS code":                 {"61.07", "Kabupaten Sintang", "61", "Kabupaten Sintang is 61.05 there; 61.07 may be its BPS code"},
		"a BPS code anywhere":        {"94.01", "Kabupaten Merauke", "", `"94.01" (Kabupaten Merauke) is not in the registry: Kabupaten Merauke is 91.01 there`},
		"one elsewhere is no hint":   {"61.09", "Kabupaten Merauke", "61", "is not in the registry: write the code and the name of one place"},
		"another level is no hint":   {"61.05.11.2001", "Kayan Hulu", "61.05", "is not in the registry: write"},
		"a code that begins like it": {"61.05.09.200", "Nanga Tebidah", "61.05", "Nanga Tebidah is 61.05.09.2001"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := r.Check(test.code, test.name, test.within); err != nil {
				got = err.Error()
			}
			if (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
				t.Errorf("it says %q, want %q", got, test.says)
			}
		})
	}
	if err := (*Registry)(nil).Check("61.05", "x", ""); err != nil {
		t.Errorf("without a registry it says %v", err)
	}
}

func TestKnows(t *testing.T) {
	r := read(t, "kode,nama\n61,Kalimantan Barat\n61.05,Kabupaten Sintang\n61.05.09,Kayan Hulu\n62.01,Kabupaten Kotawaringin Barat\n")
	for within, want := range map[string][3]bool{
		"61": {true, true, false}, "62": {true, false, false}, "6": {}, "63": {}, "61.05": {false, true, false}, "61.06": {},
	} {
		if got := [3]bool{r.Knows(within, KabKota), r.Knows(within, Kecamatan), r.Knows(within, Desa)}; got != want {
			t.Errorf("within %s it knows %v, want %v", within, got, want)
		}
	}
}

func TestReadProblems(t *testing.T) {
	for text, says := range map[string]string{
		"":                   "line 1: the file is empty",
		"kode,name\n":        "",
		"code\n61":           `line 1: the column name is missing among ["code"]: name it name or nama`,
		"kode,nama\n\"61":    "line 2",
		"kode,nama\n61,\xff": "line 2: ",
	} {
		r, problems := Read([]byte(text))
		if says == "" {
			if len(problems) > 0 || r == nil {
				t.Errorf("%q: %v", text, problems)
			}
			continue
		}
		if len(problems) == 0 || !strings.Contains(problems[0].Error(), says) {
			t.Errorf("%q: %v, want %s", text, problems, says)
		}
	}
}

// TestSize keeps all of Indonesia below a size that nobody notices.
func TestSize(t *testing.T) {
	const provinces, desa, limit = 38, 84_000, 8 << 20
	var texts [provinces]strings.Builder
	for p := range texts {
		fmt.Fprintln(&texts[p], "kode,nama")
		for i := range desa / provinces {
			fmt.Fprintf(&texts[p], "%d.%02d.%02d.%d,Desa Nama Biasa %d\n", p+11, i/300+1, i/20%15+1, 2001+i%20, i)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all []*Registry
	for p := range texts {
		all = append(all, read(t, texts[p].String()))
	}
	r := Join(all...)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > limit || used < 1<<20 {
		t.Errorf("it takes %d bytes, want at most %d", used, limit)
	} else {
		t.Logf("it takes %d bytes", used)
	}
	if r.Name("11.01.01.2001") == "" {
		t.Error("the first desa is missing")
	}
}
