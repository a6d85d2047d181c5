//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/config"
)

// settings writes the wrangler.toml of the repository as wrangler dev is to have it: without hosts at Cloudflare,
// whose names the Worker would see instead of localhost; with a lander for this machine; and with paths from the
// top of the disk, since the file is elsewhere.
type settings struct {
	root, folder string
	hosts        []string // by which browsers reach this machine
	lander       string   // which lander these hosts stand for; "": they have one by themselves
}

// file is where wrangler finds them.
func (s settings) file() string { return filepath.Join(s.folder, "wrangler.json") }

// reload is a folder that wrangler watches: what is written there has it look at everything again.
func (s settings) reload() string { return filepath.Join(s.folder, "reload") }

func (s settings) write() error {
	var all map[string]any
	if _, err := toml.DecodeFile(filepath.Join(s.root, "wrangler.toml"), &all); err != nil {
		return fmt.Errorf("read wrangler.toml: %w", err)
	}
	for _, key := range []string{"route", "routes", "env", "triggers"} {
		delete(all, key)
	}
	within := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(s.root, path)
	}
	absolute := func(table map[string]any, key string) {
		if path, ok := table[key].(string); ok {
			table[key] = within(path)
		}
	}
	absolute(all, "main")
	if assets, ok := all["assets"].(map[string]any); ok {
		absolute(assets, "directory")
	}
	if build, ok := all["build"].(map[string]any); ok {
		build["cwd"] = s.root
		watched := []any{s.reload()}
		if list, ok := build["watch_dir"].([]any); ok {
			for _, path := range list {
				watched = append(watched, within(fmt.Sprint(path)))
			}
		}
		build["watch_dir"] = watched
	}
	s.addLanders(all)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	if err := os.MkdirAll(s.reload(), 0o700); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	if err := os.WriteFile(s.file(), text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	return nil
}

// addLanders has the hosts of this machine be like the lander.
func (s settings) addLanders(all map[string]any) {
	if s.lander == "" {
		return
	}
	vars, ok := all["vars"].(map[string]any)
	if !ok {
		vars = map[string]any{}
		all["vars"] = vars
	}
	landers, ok := vars[config.NameLanders].(map[string]any)
	if !ok {
		landers = map[string]any{}
		vars[config.NameLanders] = landers
	}
	for _, host := range s.hosts {
		if landers[host] == nil {
			landers[host] = map[string]any{"like": s.lander}
		}
	}
}

// watch has wrangler look again when wrangler.toml has changed, or when a file of www/ was added or removed, which
// it does not notice by itself.
func (s settings) watch(done <-chan struct{}, complain func(error)) {
	config := filepath.Join(s.root, "wrangler.toml")
	pages := filepath.Join(s.root, "www")
	was, names := changed(config), listed(pages)
	seen := was
	for n := 0; ; {
		select {
		case <-done:
			return
		case <-time.After(300 * time.Millisecond):
		}
		// Some editors empty a file before they write it: what has changed since the last look is not read before the
		// next one.
		is := changed(config)
		if !is.Equal(was) && is.Equal(seen) {
			was = is
			if err := s.write(); err != nil {
				complain(err)
			}
		}
		seen = is
		if is := listed(pages); !slices.Equal(is, names) {
			names = is
			n++
			if err := os.WriteFile(filepath.Join(s.reload(), "pages"), fmt.Append(nil, n), 0o600); err != nil {
				complain(err)
			}
		}
	}
}

func changed(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// listed are the files of the pages, but for what the build makes.
func listed(folder string) []string {
	var names []string
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it went away meanwhile
		case entry.IsDir() && path == filepath.Join(folder, "build"):
			return filepath.SkipDir
		case !entry.IsDir():
			names = append(names, path)
		}
		return nil
	})
	return names
}

// choose says which lander the hosts of this machine stand for: the one that was asked for, else none when they
// have one, else the first.
func (s shop) choose(asked, host string) (lander string, err error) {
	keys := s.config.Landers.Hosts()
	if asked != "" {
		if !slices.Contains(keys, asked) {
			return "", fmt.Errorf("LANDER=%s is none of the landers: there are %s", asked, strings.Join(keys, ", "))
		}
		if slices.Contains(keys, host) && host != asked {
			return "", fmt.Errorf("LANDER=%s: %s has a lander of its own; rename that one first", asked, host)
		}
		return asked, nil
	}
	if _, ok := s.config.Lander(host); ok || len(keys) == 0 {
		return "", nil
	}
	return keys[0], nil
}

// publicHost reads HOST: a name or an address, with or without a port, under which a browser finds this machine.
func publicHost(text string) (host string, err error) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "https://"), "/")
	if host, _, err = net.SplitHostPort(text); err != nil {
		host = text
	}
	if host == "" || strings.ContainsAny(host, "/ ?#@") || strings.Contains(text, "://") {
		return "", fmt.Errorf("HOST=%s is no host: give this machine's address in the network, or the name of the tunnel",
			text)
	}
	return strings.ToLower(host), nil
}
