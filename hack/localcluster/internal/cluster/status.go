package cluster

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Status prints a table of the components and tells whether all are healthy.
func (c *Cluster) Status(ctx context.Context, w io.Writer) (bool, error) {
	if !c.Exists() {
		fmt.Fprintf(w, "cluster %q is not there: start it with `localcluster up`\n", c.Name)
		return false, nil
	}
	components, err := c.components()
	if err != nil {
		return false, err
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tHEALTHY\tSINCE")
	all := true
	for _, k := range components {
		record, running := c.processes().Running(k.name)
		if !running {
			all = false
			fmt.Fprintf(table, "%s\t-\tno: not running\t-\n", k.name)
			continue
		}
		health := "yes"
		if err := k.healthy(ctx); err != nil {
			all, health = false, "no: "+err.Error()
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", k.name, record.PID, health, time.Since(record.Started).Round(time.Second))
	}
	return all, table.Flush()
}
