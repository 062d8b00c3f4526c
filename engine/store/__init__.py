"""The store: where pages, command line, supervisor and workers meet. The only place that speaks SQL."""
