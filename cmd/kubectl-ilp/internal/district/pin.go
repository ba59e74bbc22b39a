package district

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
	"ilp.health/operator/cmd/kubectl-ilp/internal/complete"
	"ilp.health/operator/cmd/kubectl-ilp/internal/release"
	stackpin "ilp.health/operator/controllers/stack/pin"
	"ilp.health/operator/controllers/stack/resolve"
)

func newPin(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "pin NAME RELEASE", Short: "Give a district a release that its wave leaves alone",
		Long: "Set spec.release of a district and own the field. A pin comes before whatever the wave says, which reports the district\n" +
			"as pinned. Where Git owns the district, pin it there.",
		Args: cmdutil.Args(cobra.ExactArgs(2)), ValidArgsFunction: complete.Args(f, complete.District, complete.Release),
		RunE: func(cmd *cobra.Command, args []string) error { return pin(cmd.Context(), f, args[0], args[1]) },
	}
}

func newUnpin(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "unpin NAME", Short: "Give a pinned district back to its wave",
		Long: "Give up spec.release of a district that was pinned with this plugin. What runs stays, and what has begun ends, until its\n" +
			"wave admits the district to another release.",
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.District),
		RunE: func(cmd *cobra.Command, args []string) error { return unpin(cmd.Context(), f, args[0]) },
	}
}

func pin(ctx context.Context, f *cmdutil.Factory, name, to string) error {
	c, d, err := get(ctx, f, name)
	if err != nil {
		return err
	}
	names, err := releaseNames(ctx, c)
	if err != nil {
		return err
	}
	if !slices.Contains(names, to) {
		return fmt.Errorf("StackRelease %q does not exist: %s", to, listed(names))
	}
	others := otherOwners(d)
	if err := apply(ctx, c, d, to, client.ForceOwnership); err != nil {
		return err
	}
	if err := say(f, "district %s is pinned to %s", name, to); err != nil || len(others) == 0 {
		return err
	}
	return say(f, "spec.release was owned by %s: write the pin there too, or it may be taken back", strings.Join(others, ", "))
}

func unpin(ctx context.Context, f *cmdutil.Factory, name string) error {
	c, d, err := get(ctx, f, name)
	if err != nil {
		return err
	}
	others := otherOwners(d)
	switch mine := slices.Contains(stackpin.By(d, d.Spec.Release), cmdutil.FieldManager); {
	case !mine && len(others) > 0:
		return fmt.Errorf("district %s is pinned by %s, not by this plugin: take spec.release out there", name, strings.Join(others, ", "))
	case !mine && stackpin.Of(d, d.Spec.Release) != "":
		return fmt.Errorf("district %s is pinned, not by this plugin, and nobody owns spec.release: take it out of the resource", name)
	case !mine:
		return say(f, "district %s was not pinned", name)
	}
	if err := apply(ctx, c, d, ""); err != nil {
		return err
	}
	if len(others) > 0 {
		return say(f, "district %s is given up by this plugin, and still pinned by %s: take spec.release out there", name, strings.Join(others, ", "))
	}
	next, err := afterwards(ctx, c, d)
	if err != nil {
		f.Warnf("what becomes of it cannot be told: %v", err)
	}
	return say(f, "district %s is not pinned any more%s", name, next)
}

// afterwards says what becomes of a district without its pin.
func afterwards(ctx context.Context, c client.Client, pinned *v1alpha1.District) (string, error) {
	d := pinned.DeepCopy()
	d.Spec.Release = ""
	fleet, err := release.FleetOf(ctx, c)
	if err != nil {
		return "", err
	}
	place, err := release.PlaceOf(ctx, c, d.Spec.Code)
	if err != nil {
		return "", err
	}
	decision, err := fleet.District(ctx, place, d)
	if err != nil {
		return "", err
	}
	wave := string(d.Spec.WaveRef.Name)
	switch decision.Row {
	case resolve.New:
		return ": it takes the default StackRelease " + decision.Release, nil
	case resolve.Waiting:
		return fmt.Sprintf(": it waits for wave %s to admit it to a release", wave), nil
	case resolve.Admitted:
		return fmt.Sprintf(": wave %s has admitted it to %s", wave, decision.Release), nil
	case resolve.Unknown:
		return "", nil
	}
	if wave == "" {
		return fmt.Sprintf(": it stays on %s until a pin, or a wave that it joins, says otherwise", decision.Release), nil
	}
	return fmt.Sprintf(": it stays on %s until wave %s admits it to another release", decision.Release, wave), nil
}

// otherOwners are those who pin it beside this plugin.
func otherOwners(d *v1alpha1.District) []string {
	return slices.DeleteFunc(stackpin.By(d, d.Spec.Release), func(owner string) bool { return owner == cmdutil.FieldManager })
}
