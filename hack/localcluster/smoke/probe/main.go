// Command probe is what the smoke test runs in pods: a small server that
// tells what it sees of the cluster from the inside.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const note = "/data/note"

func main() {
	// As an exec'd command: `/probe say WORDS` proves that exec works.
	if len(os.Args) > 2 && os.Args[1] == "say" {
		fmt.Println(strings.Join(os.Args[2:], " "))
		return
	}
	http.HandleFunc("/", answer(func(context.Context, *http.Request) (string, error) { return os.Hostname() }))
	http.HandleFunc("/lookup", answer(lookup))
	http.HandleFunc("/get", answer(fetch))
	http.HandleFunc("/note", answer(remember))
	log.Println("probe listens on :8000")
	server := &http.Server{Addr: ":8000", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func answer(do func(context.Context, *http.Request) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		text, err := do(ctx, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintln(w, text)
	}
}

func lookup(ctx context.Context, r *http.Request) (string, error) {
	addresses, err := net.DefaultResolver.LookupHost(ctx, r.URL.Query().Get("name"))
	return strings.Join(addresses, " "), err
}

func fetch(ctx context.Context, r *http.Request) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL.Query().Get("url"), nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	return strings.TrimSpace(string(body)), err
}

// remember writes the volume when given a text, and reads it otherwise.
func remember(_ context.Context, r *http.Request) (string, error) {
	if text := r.URL.Query().Get("text"); text != "" {
		return text, os.WriteFile(note, []byte(text), 0o600)
	}
	data, err := os.ReadFile(note)
	return string(data), err
}
