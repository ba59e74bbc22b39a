package mask

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

var secrets = []corev1.Secret{
	{Data: map[string][]byte{"username": []byte("p6107080201"), "password": []byte("kx3/Vq+9 z&"), "short": []byte("abc")}},
	{Data: map[string][]byte{"password": []byte("kx3/Vq+9 z&longer\n")}},
	{Data: map[string][]byte{"tls.key": []byte("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIExampleExample\nAwEHoUQDQgAEExample\n-----END EC PRIVATE KEY-----\n")}},
}

func TestMask(t *testing.T) {
	m := New(secrets)
	for text, want := range map[string]string{
		"plain text stays, abc too":                                          "plain text stays, abc too",
		"tried kx3/Vq+9 z& twice":                                            "tried *** twice",
		"the longer one: kx3/Vq+9 z&longer.":                                 "the longer one: ***.",
		"role p6107080201 does not exist":                                    "role *** does not exist",
		"a3gzL1ZxKzkgeiY= is base64":                                         "*** is base64",
		"?key=kx3%2FVq%2B9+z%26&x=1":                                         "?key=***&x=1",
		"a line AwEHoUQDQgAEExample of it":                                   "a line *** of it",
		"postgresql://p:s3cret@database-rw/p6107080201?sslmode=require":      "postgresql://p:***@database-rw/***?sslmode=require",
		"redis://:p@ss@host:6379/0":                                          "redis://:***@host:6379/0",
		"see http://10.0.0.1:8000/healthz":                                   "see http://10.0.0.1:8000/healthz",
		"host=database-rw password=geheim dbname=x":                          "host=database-rw password=*** dbname=x",
		"PGPASSWORD: geheim":                                                 "PGPASSWORD: ***",
		`{"client_secret": "ge \"heim", "client_id": "id"}`:                  `{"client_secret": ***, "client_id": "id"}`,
		`client_secret='two words' next`:                                     `client_secret=*** next`,
		"Authorization: Bearer abcdefgh.ijkl-mnop":                           "Authorization: Bearer ***",
		"jwt eyJhbGciOi.eyJzdWIi.c2ln end":                                   "jwt *** end",
		"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG":                        "AWS_SECRET_ACCESS_KEY=***",
		`FATAL: password authentication failed for "tim"`:                    `FATAL: password authentication failed for "tim"`,
		"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nafter": "***\nafter",
		"-----BEGIN RSA PRIVATE KEY-----\nabc\ncut":                          "***",
	} {
		if got := m.Mask(text); got != want {
			t.Errorf("%q becomes\n%q, want\n%q", text, got, want)
		}
	}
}

// FuzzMask: no value is left, wherever it stands.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{"kx3/Vq+9 z&", "=password", "a kx3/Vq+9 z&longer b", "p6107080201p6107080201"} {
		f.Add(seed, "x")
	}
	m := New(secrets)
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, secret := range secrets {
			for _, raw := range secret.Data {
				value := strings.TrimSpace(string(raw))
				if len(value) < shortest {
					continue
				}
				if got := m.Mask(before + value + after); strings.Contains(got, value) {
					t.Errorf("%q is left in %q", value, got)
				}
			}
		}
	})
}
