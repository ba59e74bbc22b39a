package record

// WithoutReleases is the record as it counts where an operator before 0.2.0 has
// worked since: that one wrote none, so of releases its status tells, which is
// later. It is seen by the release that it has handed out (see package pin).
func (r *Record) WithoutReleases() *Record {
	if r == nil {
		return nil
	}
	next := r.Copy()
	next.Target, next.Running, next.Dashboard, next.Schema, next.RolledBack = "", "", "", nil, nil
	return next
}
