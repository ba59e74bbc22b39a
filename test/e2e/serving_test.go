package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ilp.health/operator/api/v1alpha1"
)

var _ = Describe("The databases", func() {
	It("hold GNU Health's tables, each facility's in its own", func(ctx SpecContext) {
		for secret, database := range map[string]string{"tebidah-database": "p6107080201", "sungai-durian-database": "p6107140201"} {
			tables, err := psql(ctx, namespace, secret, database, "SELECT count(*) FROM information_schema.tables WHERE table_name IN ('gnuhealth_patient', 'gnuhealth_appointment', 'party_party')")
			Expect(err).NotTo(HaveOccurred())
			Expect(tables).To(Equal("3"), database)
		}
		mark, err := psql(ctx, namespace, "tebidah-database", "p6107080201", "CREATE TABLE IF NOT EXISTS e2e_mark AS SELECT 'Tebidah' AS of")
		Expect(err).NotTo(HaveOccurred(), mark)
		there, err := psql(ctx, namespace, "sungai-durian-database", "p6107140201", "SELECT to_regclass('public.e2e_mark') IS NULL")
		Expect(err).NotTo(HaveOccurred())
		Expect(there).To(Equal("t"), "what is written at Tebidah is not in its neighbour's database")
	})

	It("refuse the neighbour's role", func(ctx SpecContext) {
		_, err := psql(ctx, namespace, "sungai-durian-database", "p6107080201", "SELECT 1")
		Expect(err).To(MatchError(ContainSubstring("pg_hba.conf rejects connection")))
		_, err = psql(ctx, namespace, "tebidah-database", "postgres", "SELECT 1")
		Expect(err).To(MatchError(ContainSubstring("pg_hba.conf rejects connection")))
	})

	It("let the dashboard read and not write", func(ctx SpecContext) {
		_, err := psql(ctx, namespace, "pws-reader", "pws", "DELETE FROM wilayah.desa")
		Expect(err).To(MatchError(ContainSubstring("permission denied")))
		_, err = psql(ctx, namespace, "pws-reader", "p6107080201", "SELECT 1")
		Expect(err).To(MatchError(ContainSubstring("pg_hba.conf rejects connection")))
	})
})

var _ = Describe("The RME of Puskesmas Tebidah", func() {
	BeforeEach(func(ctx SpecContext) { awaitReady(ctx, puskesmas(tebidah)) })

	It("serves its login page with the scripts it refers to", func(ctx SpecContext) {
		code, page, err := fetch(ctx, http.MethodGet, "http://tebidah.sintang.localhost/", "", nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(code).To(Equal(http.StatusOK))
		Expect(string(page)).To(ContainSubstring("<script"))
	})

	It("lets admin in with the generated password and with no other", func(ctx SpecContext) {
		_, password := credentials(ctx, namespace, "tebidah-rme-admin")
		Expect(loginRME(ctx, "tebidah.sintang.localhost", "p6107080201", password)).To(BeTrue())
		Expect(loginRME(ctx, "tebidah.sintang.localhost", "p6107080201", "not-"+password)).To(BeFalse())
		_, other := credentials(ctx, namespace, "sungai-durian-rme-admin")
		Expect(loginRME(ctx, "tebidah.sintang.localhost", "p6107080201", other)).To(BeFalse(), "the neighbour's password")
	})
})

// loginRME logs in by GNU Health's JSON-RPC, as its web client does.
func loginRME(ctx context.Context, host, database, password string) (bool, error) {
	code, raw, err := fetch(ctx, http.MethodPost, fmt.Sprintf("http://%s/%s/", host, database), "", map[string]any{
		"id":     1,
		"method": "common.db.login",
		"params": []any{"admin", map[string]string{"password": password}, "en"},
	})
	if err != nil {
		return false, err
	}
	if code == http.StatusUnauthorized || code == http.StatusForbidden {
		return false, nil
	}
	if code != http.StatusOK {
		return false, fmt.Errorf("login: %d %.300s", code, raw)
	}
	var answer struct {
		Result []any
		Error  any
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return false, fmt.Errorf("login: %w: %.300s", err, raw)
	}
	return len(answer.Result) >= 2 && answer.Error == nil, nil
}

var _ = Describe("The dashboard of Kabupaten Sintang", func() {
	const base = "http://dashboard.sintang.localhost"

	BeforeEach(func(ctx SpecContext) {
		awaitReady(ctx, &v1alpha1.District{ObjectMeta: metav1.ObjectMeta{Name: district}})
	})

	login := func(ctx context.Context, password string) (string, error) {
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		err := fetchInto(ctx, http.MethodPost, base+"/api/v1/security/login", "", map[string]any{
			"username": "admin", "password": password, "provider": "db", "refresh": false,
		}, &answer)
		return answer.AccessToken, err
	}

	It("lists the starter dashboard, whose query returns the desa", func(ctx SpecContext) {
		_, password := credentials(ctx, namespace, "dashboard-admin")
		_, err := login(ctx, "not-"+password)
		Expect(err).To(MatchError(ContainSubstring("401")))
		token, err := login(ctx, password)
		Expect(err).NotTo(HaveOccurred())

		var dashboards struct {
			Result []struct {
				Slug  string
				Title string `json:"dashboard_title"`
			}
		}
		Expect(fetchInto(ctx, http.MethodGet, base+"/api/v1/dashboard/", token, nil, &dashboards)).To(Succeed())
		Expect(dashboards.Result).To(HaveLen(1))
		Expect(dashboards.Result[0].Slug).To(Equal("desa"))
		Expect(dashboards.Result[0].Title).To(ContainSubstring("Kabupaten Sintang"))

		var datasets struct{ Result []struct{ ID int } }
		Expect(fetchInto(ctx, http.MethodGet, base+"/api/v1/dataset/", token, nil, &datasets)).To(Succeed())
		Expect(datasets.Result).NotTo(BeEmpty())
		var chart struct {
			Result []struct{ Data []map[string]any }
		}
		query := map[string]any{
			"datasource": map[string]any{"id": datasets.Result[0].ID, "type": "table"},
			"queries": []any{map[string]any{
				"columns": []string{"kode", "desa", "kecamatan", "puskesmas", "status"}, "orderby": []any{[]any{"kode", true}}, "row_limit": 1000,
			}},
			"result_format": "json", "result_type": "full",
		}
		// The Job that loads the desa may end after Superset has begun to serve.
		Eventually(func(g Gomega) {
			g.Expect(fetchInto(ctx, http.MethodPost, base+"/api/v1/chart/data", token, query, &chart)).To(Succeed())
			g.Expect(chart.Result).NotTo(BeEmpty())
			g.Expect(chart.Result[0].Data).To(ContainElement(And(
				HaveKeyWithValue("kode", "61.05.09.2002"), HaveKeyWithValue("desa", "Nanga Payak"),
				HaveKeyWithValue("puskesmas", "Tebidah"), HaveKeyWithValue("status", "Terpenuhi"),
			)))
		}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(5 * time.Second).Should(Succeed())
		for _, row := range chart.Result[0].Data {
			Expect(strings.HasPrefix(row["kode"].(string), "61.05.")).To(BeTrue(), "only desa of the district: %v", row)
		}
		Expect(chart.Result[0].Data).To(ContainElement(And(
			HaveKeyWithValue("kode", "61.05.09.2004"), HaveKeyWithValue("status", "Belum terpenuhi"),
		)))
	})
})
