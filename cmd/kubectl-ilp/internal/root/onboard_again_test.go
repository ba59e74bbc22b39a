package root

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
)

// TestOnboardAgain changes the list and the files by hand, in turn.
func TestOnboardAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sintang")
	durian := "P6107140201,Sungai Durian,61.05.01,Sintang,61.05.01.1001:Ladang|61.05.01.1002:Kapuas Kanan Hulu\n"
	if got := enlist(t, folder, header+tebidah+durian); got.code != cmdutil.ExitDone {
		t.Fatal(got)
	}
	path := filepath.Join(folder, "puskesmas", "sungai-durian.yaml")
	byHand := strings.NewReplacer(
		"name: Sungai Durian\n", "name: Sungai Durian # by the river\n",
		"    - code: 61.05.01.1002\n", "    # downstream\n    - code: 61.05.01.1002\n",
	).Replace(read(t, path)) + "  lintasKlaster: [Laboratorium]\n  pustu:\n  - desa: 61.05.01.1002\n    name: Kapuas\n"
	moved := filepath.Join(folder, "durian.yml")
	if err := os.WriteFile(moved, []byte(byHand), 0o600); err != nil {
		t.Fatal(err)
	}
	kustomization := "patches: [{path: production.yaml}, {path: operations.yaml, target: {kind: District}}]\n" +
		strings.Replace(read(t, filepath.Join(folder, "kustomization.yaml")), "puskesmas/sungai-durian.yaml", "durian.yml # moved", 1)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for name, patch := range map[string]string{
		"production.yaml": "apiVersion: ilp.health/v1alpha1\nkind: District\nmetadata: {name: sintang}\nspec: {state: Suspended}\n",
		"operations.yaml": "- op: add\n  path: /spec/state\n  value: Suspended\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(patch), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if got := enlist(t, folder, header+durian+tebidah); got.out != "sintang: 2 Puskesmas, nothing to change\n" {
		t.Errorf("hand edits are not left alone: %s%s", got.out, got.errOut)
	}

	renamed := "P6107140201,Sungai Durian Baru,61.05.01,Sintang,61.05.01.1002:Kapuas Kanan Hulu|61.05.01.1003:Alai\n"
	mentuik := "P6107140202,Mentuik,61.05.01,Sintang,\n"
	got := enlist(t, folder, header+renamed+mentuik)
	want := "changed sintang/durian.yml\nchanged sintang/kustomization.yaml\ncreated sintang/puskesmas/mentuik.yaml\nsintang: 2 Puskesmas, 1 files created, 2 changed\n"
	if got.out != want || !strings.Contains(got.errOut, "kept sintang/puskesmas/tebidah.yaml (P6107080201): it is not in list.csv any more") {
		t.Errorf("prints\n%s%s", got.out, got.errOut)
	}
	wanted := strings.NewReplacer(
		"Sungai Durian #", "Sungai Durian Baru #",
		"    - code: 61.05.01.1001\n      name: Ladang\n", "",
		"      name: Kapuas Kanan Hulu\n", "      name: Kapuas Kanan Hulu\n    - code: 61.05.01.1003\n      name: Alai\n",
		"  - desa: 61.05.01.1002\n    name: Kapuas\n", "    - desa: 61.05.01.1002\n      name: Kapuas\n",
	).Replace(byHand)
	if now := read(t, moved); now != wanted {
		t.Errorf("the file is now\n%swant\n%s", now, wanted)
	}
	if list := read(t, filepath.Join(folder, "kustomization.yaml")); list != kustomization+"  - puskesmas/mentuik.yaml\n" {
		t.Errorf("the kustomization is now\n%s", list)
	}
	if checked := ilp(t, nil, "validate", folder); checked.code != cmdutil.ExitDone {
		t.Error(checked.out)
	}
}

// TestOnboardPosts changes what the list says of Pustu and Posyandu, and leaves
// alone what it does not speak of.
func TestOnboardPosts(t *testing.T) {
	const head = "code,name,kecamatan_code,kecamatan,desa_code,desa_name,pustu,bidan,posyandu,kader_posyandu\n"
	folder := filepath.Join(t.TempDir(), "sintang")
	path := filepath.Join(folder, "puskesmas", "tebidah.yaml")
	line := func(number, posts string) string {
		return "P6107080201,Tebidah,61.05.09,Kayan Hulu,61.05.09.200" + number + ",Desa " + number + "," + posts + "\n"
	}
	expectFile := func(list, want string) {
		t.Helper()
		if got := enlist(t, folder, head+list); got.code != cmdutil.ExitDone {
			t.Fatal(got.errOut)
		}
		if _, is, _ := strings.Cut(read(t, path), "      name: Desa 2\n"); is != want {
			t.Errorf("behind the desa there is\n%swant\n%s", is, want)
		}
		if checked := ilp(t, nil, "validate", folder); checked.code != cmdutil.ExitDone {
			t.Error(checked.out)
		}
	}
	expectFile(line("1", ",,,")+line("2", ",,,"), "")
	expectFile(line("1", "Satu,1,2,10")+line("2", ",0,0,"), "  pustu:\n    - desa: 61.05.09.2001\n      name: Satu\n      bidan: 1\n  posyandu:\n    - desa: 61.05.09.2001\n      count: 2\n      kader: 10\n")
	byHand := strings.NewReplacer("      bidan: 1\n", "      bidan: 1 # since May\n      kader: 2\n    - desa: 61.05.09.2002\n      name: Dua\n").Replace(read(t, path))
	if err := os.WriteFile(path, []byte(byHand), 0o600); err != nil {
		t.Fatal(err)
	}
	const pustu = "  pustu:\n    - desa: 61.05.09.2001\n      name: Satu\n      bidan: 3 # since May\n      kader: 2\n    - desa: 61.05.09.2002\n      name: Dua\n"
	expectFile(line("1", "Satu,3,,")+line("2", ",,4,"), pustu+"  posyandu:\n    - desa: 61.05.09.2001\n      count: 2\n      kader: 10\n    - desa: 61.05.09.2002\n      count: 4\n")
	expectFile(line("1", ",,0,")+line("2", ",,,"), pustu+"  posyandu:\n    - desa: 61.05.09.2002\n      count: 4\n")
	expectFile(line("1", ",,,")+line("2", ",,0,0"), pustu)

	// The only Pustu of a desa takes another name; one beside it is another one.
	renamed := strings.Replace(pustu, "Dua", "Dua Baru", 1)
	expectFile(line("1", ",,,")+line("2", "Dua Baru,,,"), renamed)
	second := renamed + "      bidan: 1\n    - desa: 61.05.09.2002\n      name: Seberang\n      bidan: 2\n"
	expectFile(line("1", ",,,")+line("2", "Dua Baru,1,,")+line("2", "Seberang,2,,"), second)
	expectFile(line("1", ",,,")+line("2", "Seberang,4,,"), strings.Replace(second, "bidan: 2\n", "bidan: 4\n", 1))
}

// TestOnboardOtherDistrict refuses a folder that has an owner.
func TestOnboardOtherDistrict(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sintang")
	if got := enlist(t, folder, header+tebidah); got.code != cmdutil.ExitDone {
		t.Fatal(got)
	}
	before := contents(t, folder)
	got := ilp(t, nil, "onboard", "61.06", "--name", "Kabupaten Kapuas Hulu", "--puskesmas", "list.csv", "-o", "sintang")
	if got.code == cmdutil.ExitDone || contents(t, folder) != before {
		t.Errorf("the list of another district is taken: %v", got)
	}
	list := strings.ReplaceAll(header+tebidah, "61.05", "61.06")
	if err := os.WriteFile("list.csv", []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	got = ilp(t, nil, "onboard", "61.06", "--name", "Kabupaten Kapuas Hulu", "--puskesmas", "list.csv", "-o", "sintang")
	if got.code != cmdutil.ExitError || !strings.Contains(got.errOut, "sintang/district.yaml is District 61.05: give district 61.06 a folder of its own") || contents(t, folder) != before {
		t.Errorf("ends with %d and says %s", got.code, got.errOut)
	}
}

// TestOnboardSample finds the sample's folder, which was written by hand, to be
// what the list and the registry beside it ask for.
func TestOnboardSample(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sintang")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(samples, "sintang"))); err != nil {
		t.Fatal(err)
	}
	list := read(t, filepath.Join(folder, "puskesmas.csv"))
	got := enlist(t, folder, list, "--wave", "gf-rssh-2025", "--domain", "sintang.localhost", "--registry", filepath.Join(folder, "wilayah.csv"))
	if got.code != cmdutil.ExitDone || got.out != "sintang: 2 Puskesmas, nothing to change\n" || got.errOut != "" {
		t.Errorf("ends with %d: %s%s", got.code, got.out, got.errOut)
	}
}
