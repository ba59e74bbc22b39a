// Package wave has the commands below kubectl ilp wave.
package wave

import (
	"github.com/spf13/cobra"

	"ilp.health/operator/cmd/kubectl-ilp/internal/cmdutil"
)

// NewCommand is kubectl ilp wave.
func NewCommand(f *cmdutil.Factory) *cobra.Command {
	return cmdutil.Group("wave", "See, approve and hold a wave",
		newPlan(f), newStatus(f), newApprove(f), newSuspend(f), newResume(f))
}
