package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ilp.health/operator/hack/localcluster/internal/image"
)

const pauseImage = "localhost/ilp/pause:1"

// imageStore is containerd's root. It lies outside of the cluster's folder so
// that images survive Down and need not be unpacked for every new cluster.
func (c *Cluster) imageStore() (string, error) {
	cache, err := CacheDir()
	return filepath.Join(cache, "containerd", c.Name), err
}

// Load imports image archives into the cluster's containerd.
func (c *Cluster) Load(ctx context.Context, archives []string) error {
	if !c.Exists() || c.State.ControlPlaneOnly {
		return fmt.Errorf("cluster %q has no node to load images into: start one with `localcluster up`", c.Name)
	}
	for _, archive := range archives {
		started := time.Now()
		out, err := ctr(ctx, "images", "import", archive)
		if err != nil {
			return fmt.Errorf("load %s: %w", archive, err)
		}
		c.Out.Done(started, "%s", strings.Join(imported(out), ", "))
	}
	return nil
}

// imported picks the image names from the output of `ctr images import`:
// "unpacking NAME (sha256:…)...done".
func imported(out string) []string {
	var names []string
	for _, line := range strings.Split(out, "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "unpacking" {
			names = append(names, fields[1])
		}
	}
	return names
}

// ensurePauseImage packs and imports the image of pod sandboxes, from the
// program built beside this one.
func (c *Cluster) ensurePauseImage(ctx context.Context) error {
	present, err := ctr(ctx, "images", "list", "--quiet", "name=="+pauseImage)
	if err != nil || strings.TrimSpace(present) == pauseImage {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	archive := c.path("pause.tar")
	program := filepath.Join(filepath.Dir(self), "pause")
	if err := image.Pack(archive, pauseImage, program); err != nil {
		return fmt.Errorf("pack %s (hack/localcluster/build.sh builds the program): %w", pauseImage, err)
	}
	_, err = ctr(ctx, "images", "import", archive)
	return errors.Join(err, os.Remove(archive))
}

func ctr(ctx context.Context, args ...string) (string, error) {
	return output(ctx, nil, "ctr", append([]string{"--address", containerdSocket, "--namespace", "k8s.io"}, args...)...)
}
