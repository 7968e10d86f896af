"""Pages that people read in a browser: one self-contained HTML file each, made with templates."""
