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
	"klarna-relay/worker/landersfile"
)

// settings writes the wrangler.toml of the repository as wrangler dev is to have it: without hosts at Cloudflare,
// whose names the Worker would see instead of localhost; with a lander for this machine; and with paths from the
// top of the disk, since the file is elsewhere.
type settings struct {
	root, folder string
	hosts        []string // by which browsers reach this machine
	lander       string   // which lander these hosts stand for; "": they have one by themselves
	text         string   // of wrangler.toml
}

// file is where wrangler finds the settings.
func (s settings) file() string { return filepath.Join(s.folder, "wrangler.json") }

// reload is a folder that wrangler watches: what is written there has it look at everything again.
func (s settings) reload() string { return filepath.Join(s.folder, "reload") }

// taken is the file in which wrangler's build notes the edition of the settings that it has.
func (s settings) taken() string { return filepath.Join(s.folder, "taken") }

// read reads wrangler.toml.
func (s *settings) read() error {
	text, err := os.ReadFile(filepath.Join(s.root, "wrangler.toml"))
	if err != nil {
		return fmt.Errorf("read wrangler.toml: %w", err)
	}
	s.text = string(text)
	return nil
}

// write writes an edition of the settings.
func (s settings) write(edition int) error {
	var all map[string]any
	if _, err := toml.Decode(s.text, &all); err != nil {
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
		if command, ok := build["command"].(string); ok {
			build["command"] = fmt.Sprintf("echo %d >'%s'; %s", edition, s.taken(), lenient(command))
		}
	}
	s.addLanders(all)
	return s.put(all)
}

// lenient is a build command that fails only when a signal ends it, as wrangler does before it starts the next build.
// Wrangler keeps every request waiting until the build has worked; so it goes on with what was built before.
func lenient(command string) string {
	return "(" + command + "\n) || { [ $? -lt 128 ] && echo '" + buildFailed + "' >&2; }"
}

const buildFailed = "make dev: the build failed, and what was built before stays in use"

// put gives wrangler its file in one go.
func (s settings) put(all map[string]any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	if err := os.MkdirAll(s.reload(), 0o700); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	if err := os.WriteFile(s.file()+".new", text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	if err := os.Rename(s.file()+".new", s.file()); err != nil {
		return fmt.Errorf("write the settings for wrangler: %w", err)
	}
	return nil
}

// addLanders makes the hosts of this machine sell what the lander sells.
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

// A sight is how the watched files are at one moment.
type sight struct {
	config, landers time.Time // when wrangler.toml and landers.toml were written
	pages           []string
}

func (s settings) look() sight {
	return sight{changed(filepath.Join(s.root, "wrangler.toml")), changed(filepath.Join(s.root, landersfile.Path)),
		listed(filepath.Join(s.root, "www"))}
}

// describes tells whether the settings are the same in two sights.
func (s sight) describes(other sight) bool {
	return s.config.Equal(other.config) && s.landers.Equal(other.landers)
}

// glance is the time between two looks. Wrangler closes its own watch while it takes settings in, and misses what is
// written meanwhile; so an edition that was not taken after some glances is written again, later each time.
const (
	glance    = 300 * time.Millisecond
	takenSoon = 10 // glances
)

// watch has wrangler look again when the settings have changed since a sight, or when a file of www/ was added or
// removed, which wrangler does not notice by itself. renew reads the shop anew and says which lander this machine
// stands for; ok is false for settings that are not to be used.
func (s settings) watch(since sight, done <-chan struct{}, renew func() (lander string, ok bool),
	complain func(error)) {
	was, seen := since, since
	edition, pages := 0, 0
	left, wait := 0, takenSoon
	for {
		select {
		case <-done:
			return
		case <-time.After(glance):
		}
		// Some editors empty a file before they write it: what has changed since the last look is not read before the
		// next one.
		is := s.look()
		write := false
		if edition > 0 && !s.has(edition) {
			left--
			write = left == 0
		}
		if !is.describes(was) && is.describes(seen) {
			was.config, was.landers = is.config, is.landers
			if s.renew(renew, complain) {
				write, wait = true, takenSoon
			}
		}
		if write {
			edition++
			left, wait = wait, 2*wait
			if err := s.write(edition); err != nil {
				complain(err)
			}
		}
		seen = is
		if !slices.Equal(is.pages, was.pages) {
			was.pages = is.pages
			pages++
			if err := os.WriteFile(filepath.Join(s.reload(), "pages"), fmt.Append(nil, pages), 0o600); err != nil {
				complain(err)
			}
		}
	}
}

// renew takes changed settings in, and tells whether wrangler needs a new edition for them.
func (s *settings) renew(renew func() (lander string, ok bool), complain func(error)) bool {
	next := *s
	if err := next.read(); err != nil {
		complain(err)
		return false
	}
	lander, ok := renew()
	if !ok {
		return false
	}
	next.lander = lander
	renewed := next.lander != s.lander || next.text != s.text
	*s = next
	return renewed
}

// has tells whether wrangler has taken this edition. Without a build it cannot be known.
func (s settings) has(edition int) bool {
	text, err := os.ReadFile(s.taken())
	return err != nil || strings.TrimSpace(string(text)) == fmt.Sprint(edition)
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
