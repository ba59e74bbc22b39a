// Package onboard has the command kubectl ilp onboard, which makes a district's
// folder for Git from a list of its Puskesmas.
package onboard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ilp.health/operator/cmd/kubectl-ilp/internal/admission"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/fleet"
	"ilp.health/operator/cmd/kubectl-ilp/internal/manifest"
	"ilp.health/operator/controllers/wilayah"
	"ilp.health/operator/controllers/wilayah/sheet"
)

const long = `Write the folder of a kabupaten or kota for Git: kustomization.yaml, namespace.yaml, district.yaml and a file for each
Puskesmas of a CSV. The folder passes kubectl ilp validate and is applied with kubectl apply -k, Flux or Argo CD.

Run it again after the list has changed: a Puskesmas is found by its code, and only the fields that the list has are
written. Everything else that you have added stays, comments too. A Puskesmas that is gone from the list stays and is
named. If anything is wrong, everything that is wrong is said and nothing is written.

Columns of the CSV: code, name, kecamatan_code, kecamatan; and if you like desa (61.05.09.2001:Nanga Tebidah|…) or
desa_code and desa_name (one line for each desa, with its pustu and posyandu), category, stage, priority,
organization_id, connectivity. Indonesian names, such as kode and nama, are known, too: docs/onboarding.md has them all.

Exit code 0 if the folder is as it should be, 4 if something is wrong with the list.`

const example = `  kubectl ilp onboard 61.05 --name "Kabupaten Sintang" --wave gf-rssh-2025 --puskesmas sintang.csv -o sintang
  kubectl ilp onboard 61.05 --name "Kabupaten Sintang" --puskesmas sintang.csv --registry wilayah.csv -o sintang`

type options struct {
	name, wave, storage, domain string
	puskesmas, registry         string
	folder                      string
	// set tells which flags were given.
	set func(flag string) bool
}

// NewCommand is kubectl ilp onboard.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use: "onboard CODE", Short: "Write a district's folder for Git from a CSV of its Puskesmas",
		Long: long, Example: example, Args: cmdutil.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.set = cmd.Flags().Changed
			return o.run(cmd.Context(), f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "name of the district, such as Kabupaten Sintang (required)")
	flags.StringVar(&o.wave, "wave", "", "wave that the district belongs to")
	flags.StringVar(&o.storage, "storage", "20Gi", "size of the database's volume")
	flags.StringVar(&o.domain, "domain", "", "domain below which RME and dashboard are published")
	flags.StringVar(&o.puskesmas, "puskesmas", "", "CSV with the Puskesmas of the district (required)")
	flags.StringVar(&o.registry, "registry", "", "CSV with codes and names of places, such as the Kemendagri list, to check against")
	flags.StringVarP(&o.folder, "output", "o", "", "folder to write (required)")
	return cmd
}

func (o *options) run(ctx context.Context, f *cmdutil.Factory, code string) error {
	if o.name == "" || o.puskesmas == "" || o.folder == "" {
		return cmdutil.Usage("--name, --puskesmas and --output are all needed")
	}
	if err := kabKota.check(code); err != nil {
		return cmdutil.Usage("%w", err)
	}
	w, err := o.read(f, code)
	if err != nil {
		return err
	}
	d, err := readFolder(o.folder)
	if err != nil {
		return err
	}
	if len(d.findOwn("District")) > 0 && !o.set("storage") {
		w.storage = "" // what is there counts more than a default
	}
	gone, err := d.fit(w)
	if err != nil {
		return err
	}
	if err := d.check(ctx, f); err != nil {
		return err
	}
	done, err := d.write()
	for _, line := range done {
		say(f, "%s", line)
	}
	if err != nil {
		return err
	}
	for _, name := range gone {
		f.Warnf("kept %s: it is not in %s any more; delete the file and its line in %s if the Puskesmas is to go", name, o.puskesmas, kustomizationFile)
	}
	say(f, "%s: %d Puskesmas, %s", o.folder, len(w.facilities), summary(done))
	return nil
}

// say tells what has been done, which nobody takes back if it cannot be told.
func say(f *cmdutil.Factory, format string, args ...any) {
	_, _ = fmt.Fprintf(f.Streams.Out, format+"\n", args...)
}

func summary(done []string) string {
	created := 0
	for _, line := range done {
		if strings.HasPrefix(line, "created") {
			created++
		}
	}
	if len(done) == 0 {
		return "nothing to change"
	}
	return fmt.Sprintf("%d files created, %d changed", created, len(done)-created)
}

// read reads the list and the registry.
func (o *options) read(f *cmdutil.Factory, code string) (*wish, error) {
	var known *wilayah.Registry
	var problems []manifest.Problem
	if o.registry != "" {
		content, err := os.ReadFile(o.registry)
		if err != nil {
			return nil, err
		}
		var wrong []sheet.Problem
		if known, wrong = wilayah.Read(content); len(wrong) > 0 {
			return nil, report(f, placed(o.registry, wrong...))
		}
	}
	content, err := os.ReadFile(o.puskesmas)
	if err != nil {
		return nil, err
	}
	w := &wish{code: code, name: o.name, wave: o.wave, storage: o.storage, domain: o.domain}
	_, plain, _ := strings.Cut(o.name, " ") // Kabupaten Sintang is sintang
	if w.resource = dnsName(plain); w.resource == "" {
		w.resource = strings.ReplaceAll("district-"+code, ".", "")
	}
	if strings.HasPrefix(o.name, "Kota ") {
		w.resource = dnsName(o.name) // 26 names belong to a kabupaten and a kota
	}
	if err := known.Check(code, o.name, ""); err != nil {
		problems = append(problems, manifest.Problem{File: o.registry, Path: "district", Message: err.Error()})
	}
	var unknown []string
	var wrong []manifest.Problem
	w.facilities, unknown, wrong = readFacilities(o.puskesmas, content, code, known)
	if len(unknown) > 0 {
		f.Warnf("%s: not taken: the columns %q", o.puskesmas, unknown)
	}
	if problems = append(problems, wrong...); len(problems) > 0 {
		return nil, report(f, problems)
	}
	return w, nil
}

// check says what an API server would have against the Districts and Puskesmas
// of the folder. Other files are left to validate, which knows how they are used.
func (d *folder) check(ctx context.Context, f *cmdutil.Factory) error {
	checker, err := admission.New()
	if err != nil {
		return err
	}
	set := &manifest.Set{}
	for _, object := range slices.Concat(d.findOwn("District"), d.findOwn("Puskesmas")) {
		text, err := object.node.String()
		if err != nil {
			return fmt.Errorf("%s: %w", object.file.name, err)
		}
		parsed := manifest.Parse(filepath.Join(d.path, object.file.name), []byte(text))
		set.Objects = append(set.Objects, parsed.Objects...)
		set.Problems = append(set.Problems, parsed.Problems...)
	}
	if found := fleet.New(ctx, checker, set); len(found.Problems) > 0 {
		return report(f, found.Problems)
	}
	return nil
}

// report says everything that is wrong.
func report(f *cmdutil.Factory, problems []manifest.Problem) error {
	for _, problem := range problems {
		f.Warnf("%s", problem)
	}
	return &cmdutil.Exit{Code: cmdutil.ExitProblems, Err: errors.New("nothing is written: correct the above and run it again")}
}
