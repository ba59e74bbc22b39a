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
	"ilp.health/operator/cmd/kubectl-ilp/internal/source"
)

func newPin(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "pin NAME RELEASE", Short: "Give a district a release that its wave leaves alone",
		Long: "Set spec.release of a district and own the field, so that its wave does not overwrite it and reports it as pinned.\n" +
			"Where Git owns the district, pin it there.",
		Args: cmdutil.Args(cobra.ExactArgs(2)), ValidArgsFunction: complete.Args(f, complete.District, complete.Release),
		RunE: func(cmd *cobra.Command, args []string) error { return pin(cmd.Context(), f, args[0], args[1]) },
	}
}

func newUnpin(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use: "unpin NAME", Short: "Give a pinned district back to its wave",
		Long: "Give up spec.release of a district that was pinned with this plugin. The district keeps the release that it has until\n" +
			"its wave gives it another. Without a wave it takes the default StackRelease.",
		Args: cmdutil.Args(cobra.ExactArgs(1)), ValidArgsFunction: complete.Args(f, complete.District),
		RunE: func(cmd *cobra.Command, args []string) error { return unpin(cmd.Context(), f, args[0]) },
	}
}

func pin(ctx context.Context, f *cmdutil.Factory, name, release string) error {
	c, d, err := get(ctx, f, name)
	if err != nil {
		return err
	}
	names, err := releaseNames(ctx, c)
	if err != nil {
		return err
	}
	if !slices.Contains(names, release) {
		return fmt.Errorf("StackRelease %q does not exist: %s", release, listed(names))
	}
	others := otherOwners(d)
	if err := apply(ctx, c, d, cmdutil.FieldManager, release, client.ForceOwnership); err != nil {
		return err
	}
	if err := say(f, "district %s is pinned to %s", name, release); err != nil || len(others) == 0 {
		return err
	}
	return say(f, "spec.release was owned by %s: write the pin there too, or it may be taken back", strings.Join(others, ", "))
}

func unpin(ctx context.Context, f *cmdutil.Factory, name string) error {
	c, d, err := get(ctx, f, name)
	if err != nil {
		return err
	}
	if !slices.Contains(source.ReleaseOwners(d, d.Spec.Release), cmdutil.FieldManager) {
		if others := otherOwners(d); len(others) > 0 {
			return fmt.Errorf("district %s is pinned by %s, not by this plugin: take spec.release out there", name, strings.Join(others, ", "))
		}
		return say(f, "district %s was not pinned", name)
	}
	// A field that nobody owns any more is removed, and a district on its way to a
	// release would turn back. So the wave is made an owner of the value first.
	wave, release := string(d.Spec.WaveRef.Name), string(d.Spec.Release)
	if wave != "" {
		if err := apply(ctx, c, d, v1alpha1.ManagerWave, release); err != nil {
			return err
		}
	}
	if err := apply(ctx, c, d, cmdutil.FieldManager, ""); err != nil {
		return err
	}
	switch others := otherOwners(d); {
	case len(others) > 0:
		return say(f, "district %s is given up by this plugin, and still pinned by %s: take spec.release out there", name, strings.Join(others, ", "))
	case wave != "":
		return say(f, "district %s is not pinned any more: it keeps %s until wave %s gives it another release", name, release, wave)
	default:
		return say(f, "district %s is not pinned any more: without a wave it takes the default StackRelease", name)
	}
}

// otherOwners are those who own spec.release beside the wave and this plugin.
func otherOwners(d *v1alpha1.District) []string {
	return slices.DeleteFunc(source.ReleaseOwners(d, d.Spec.Release), func(owner string) bool { return owner == cmdutil.FieldManager })
}
