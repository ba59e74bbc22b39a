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
			ExpiresAt: metav1.NewTime(now.Add(time.Hour)),
		}
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		given v1alpha1.Consent
		want  string // part of the error; empty means agreed
	}{
		"agreed":         {given(func(*v1alpha1.Consent) {}), ""},
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
