package consent

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

func TestCheck(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	given := func(change func(*v1alpha1.Consent)) v1alpha1.Consent {
		c := v1alpha1.Consent{
			Action:    v1alpha1.ConsentDelete,
			Code:      "61.05",
			Reason:    "moved to another cluster",
			IssuedAt:  metav1.NewTime(now.Add(-time.Hour)),
			ExpiresAt: metav1.NewTime(now.Add(time.Hour)),
		}
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		given v1alpha1.Consent
		want  string // part of the error; empty means agreed
	}{
		"agreed": {given(func(*v1alpha1.Consent) {}), ""},
		"30 days": {given(func(c *v1alpha1.Consent) {
			c.ExpiresAt = metav1.NewTime(c.IssuedAt.Add(30 * 24 * time.Hour))
		}), ""},
		"a clock that is ahead": {given(func(c *v1alpha1.Consent) { c.IssuedAt = metav1.NewTime(now.Add(5 * time.Minute)) }), ""},
		"issued in the future": {
			given(func(c *v1alpha1.Consent) { c.IssuedAt = metav1.NewTime(now.Add(6 * time.Minute)) }),
			"issued in the future, at 2026-06-01T12:06:00Z, and it is 2026-06-01T12:00:00Z",
		},
		"stored before issuedAt was asked for": {given(func(c *v1alpha1.Consent) { c.IssuedAt = metav1.Time{} }), "has no issuedAt"},
		"the year 2999": {given(func(c *v1alpha1.Consent) {
			c.ExpiresAt = metav1.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
		}), "longer than 30 days, from 2026-06-01T11:00:00Z to 2999-01-01T00:00:00Z: write an expiresAt of 2026-07-01T11:00:00Z or earlier"},
		"none":           {v1alpha1.Consent{}, "needs a consent: action Delete, code 61.05"},
		"another action": {given(func(c *v1alpha1.Consent) { c.Action = v1alpha1.ConsentPrune }), "for Prune, not for Delete"},
		"another code":   {given(func(c *v1alpha1.Consent) { c.Code = "61.06" }), "for code 61.06"},
		"expired":        {given(func(c *v1alpha1.Consent) { c.ExpiresAt = metav1.NewTime(now.Add(-time.Second)) }), "expired at 2026-06-01T11:59:59Z"},
		"expires now":    {given(func(c *v1alpha1.Consent) { c.ExpiresAt = metav1.NewTime(now) }), "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(tc.given, v1alpha1.ConsentDelete, "61.05", now)
			if tc.want == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Fatalf("error %v does not contain %q", err, tc.want)
			}
		})
	}
}
