package planner

import (
	"fmt"
	"time"
	_ "time/tzdata" // the operator's image has no time zones of its own

	"github.com/robfig/cron/v3"

	"ilp.health/operator/api/v1alpha1"
)

// window is the maintenance window, or nil for one that is always open.
type window struct {
	schedule cron.Schedule
	length   time.Duration
	// next caches the opening of each time zone.
	zones map[string]zone
}

type zone struct {
	open    bool
	opening time.Time
	err     error
}

// newWindow reads the window, and makes sure that it opens at all.
func newWindow(spec v1alpha1.MaintenanceWindow, now time.Time) (*window, error) {
	if spec.Cron == "" {
		return nil, nil //nolint:nilnil // no window is a valid answer
	}
	schedule, err := cron.ParseStandard(spec.Cron)
	if err != nil {
		return nil, fmt.Errorf("maintenanceWindow.cron %q cannot be read: %w. Write minute hour day month weekday, such as 0 21 * * 5", spec.Cron, err)
	}
	if schedule.Next(now.UTC()).IsZero() {
		return nil, fmt.Errorf("maintenanceWindow.cron %q never opens: no such day comes in the next five years", spec.Cron)
	}
	return &window{schedule: schedule, length: time.Duration(spec.Minutes) * time.Minute, zones: map[string]zone{}}, nil
}

// at tells whether the window is open in a time zone, and when it opens next.
func (w *window) at(name string, now time.Time) zone {
	if known, ok := w.zones[name]; ok {
		return known
	}
	z := zone{}
	location, err := time.LoadLocation(name)
	if err != nil {
		z.err = fmt.Errorf("time zone %q is not known: %w", name, err)
	} else {
		local := now.In(location)
		opened := w.schedule.Next(local.Add(-w.length))
		z.open = !opened.IsZero() && !opened.After(local)
		z.opening = w.schedule.Next(local)
	}
	w.zones[name] = z
	return z
}
