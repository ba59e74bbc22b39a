package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"ilp.health/operator/test/testenv"
)

// bench is one run of the program.
type bench struct {
	options
	ctx    context.Context
	folder string
	wave   wave
	// objects are those of the counting round.
	objects     []applied
	objectsFile string
	results     results
}

func httpStatus(code int) string { return strings.ToLower(http.StatusText(code)) }

// prepare builds what is measured and finds what it is measured on.
func (b *bench) prepare(ctx context.Context) error {
	b.ctx = ctx
	b.results.Machine = fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version())
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		assets := filepath.Join(b.folder, "assets")
		if err := b.command(localcluster(), "assets", assets); err != nil {
			return fmt.Errorf("%w\nbuild localcluster first: hack/localcluster/build.sh, or run `make bench`, which does", err)
		}
		if err := os.Setenv("KUBEBUILDER_ASSETS", assets); err != nil {
			return err
		}
	}
	if b.operator != "" {
		return nil
	}
	say("building the operator")
	b.operator = filepath.Join(b.folder, "operator")
	return b.command("go", "build", "-C", testenv.Root(&harness{ctx: ctx}), "-o", b.operator, "./cmd/operator")
}

// localcluster is where hack/localcluster/build.sh leaves it.
func localcluster() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "localcluster"
	}
	return filepath.Join(cache, "ilp-operator/bin/localcluster")
}

func (b *bench) command(name string, args ...string) error {
	output, err := exec.CommandContext(b.ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, output)
	}
	return nil
}

// sleep waits, or ends with the run.
func (b *bench) sleep(d time.Duration) error {
	select {
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	case <-time.After(d):
		return nil
	}
}

// rounds are the whole programme.
func (b *bench) rounds(ctx context.Context) error {
	if err := b.countingRound(); err != nil {
		return fmt.Errorf("counting round: %w", err)
	}
	content, err := json.Marshal(b.objects)
	if err != nil {
		return err
	}
	b.objectsFile = filepath.Join(b.folder, "objects.json")
	if err := os.WriteFile(b.objectsFile, content, 0o600); err != nil {
		return err
	}
	for n := range b.options.rounds {
		var r round
		turns := []func(int, *round) error{b.operatorRound, b.bareRound}
		if n%2 == 1 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			if err := turn(n+1, &r); err != nil {
				return fmt.Errorf("round %d: %w", n+1, err)
			}
		}
		b.results.Rounds = append(b.results.Rounds, r)
	}
	if err := b.kubectlRound(); err != nil {
		return fmt.Errorf("kubectl: %w", err)
	}
	return ctx.Err()
}

// onCluster runs something on a fresh API server.
func (b *bench) onCluster(name string, audited bool, do func(context.Context, *cluster, *observer) error) error {
	ctx, cancel := context.WithCancel(b.ctx)
	c, err := startCluster(ctx, filepath.Join(b.folder, name), audited)
	defer func() {
		// An API server that ends waits for the watches of its clients.
		cancel()
		c.stop()
	}()
	if err != nil {
		return err
	}
	o, err := observe(ctx, c)
	if err != nil {
		return err
	}
	err = do(ctx, c, o)
	if simulated := o.simulator.err(); simulated != nil && err == nil {
		err = simulated
	}
	return err
}
