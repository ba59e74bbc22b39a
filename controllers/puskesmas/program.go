package puskesmas

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/consent"
	"ilp.health/operator/controllers/stack/inventory"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/record"
	"ilp.health/operator/controllers/stack/status"
)

// checkProgram makes sure that the database is not given to another program than
// the one that has worked on it, unless a person agrees.
func (r *Reconciler) checkProgram(ctx context.Context, s *scope) (err error) {
	if s.record, err = r.Records.Read(ctx, s.puskesmas.Namespace, s.writer()); err != nil {
		return err
	}
	profile, program, err := r.worksOn(ctx, s)
	if err != nil {
		return err
	}
	wanted := s.program()
	same := profile == string(s.profile) && (program == "" || wanted == "" || program == wanted)
	if profile == "" || same {
		return nil
	}
	if refusal := consent.Check(s.puskesmas.Spec.Consent, v1alpha1.ConsentChangeProfile, s.puskesmas.Spec.Code, r.Clock.Now()); refusal != nil {
		return status.Stalled(v1alpha1.ReasonConsentRequired,
			"%s asks for %s, and the database of this Puskesmas is that of %s: another program may not understand its records, or may change them. Nothing is changed and the RME goes on running. Change it back; or, to give the database to the other program, %v",
			s.whoAsks(profile), named(string(s.profile), wanted), named(profile, program), refusal)
	}
	if s.record == nil {
		return nil
	}
	// Written down before anything changes, so that the consent need not last
	// until all of it has.
	next := s.record.Copy()
	next.Profile, next.Program = string(s.profile), wanted
	return r.write(ctx, s, next)
}

// worksOn is the program that works on the facility's database: as it is written
// down, or else, since an older operator did not, as it runs.
func (r *Reconciler) worksOn(ctx context.Context, s *scope) (profile, program string, err error) {
	if s.record != nil {
		return s.record.Profile, s.record.Program, nil
	}
	ref := inventory.Ref{GVK: live.Deployments, Key: types.NamespacedName{Namespace: s.puskesmas.Namespace, Name: s.puskesmas.Name + "-rme"}}
	rme, err := r.Applier.Live(ctx, ref)
	if err != nil {
		return "", "", fmt.Errorf("read %s: %w", ref, err)
	}
	if rme == nil {
		return "", "", nil
	}
	return rme.GetLabels()["app.kubernetes.io/name"], "", nil
}

// program is the name of the program that is asked for, where the profile does
// not say it. A release without an image for it says so later.
func (s *scope) program() string {
	if s.profile != v1alpha1.RMEProfileCustom {
		return ""
	}
	image, err := s.image(s.release)
	if err != nil {
		return ""
	}
	return record.Program(image)
}

// whoAsks is the field that asks for another profile, or another program of the same.
func (s *scope) whoAsks(profile string) string {
	own := s.puskesmas.Spec.RME
	switch {
	case string(s.profile) == profile && own.Image != "":
		return "spec.rme.image"
	case string(s.profile) == profile:
		return "StackRelease " + s.release.Name
	case own.Profile != "":
		return "spec.rme.profile"
	case s.district.Spec.RME.Profile != "":
		return "spec.rme.profile of District " + s.district.Name
	default:
		return "the default of spec.rme.profile"
	}
}

// named is what messages call a program.
func named(profile, program string) string {
	if program == "" {
		return "profile " + cmp.Or(profile, "unknown")
	}
	return fmt.Sprintf("profile %s with %s", profile, program)
}
