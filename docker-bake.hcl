# The images of `make image`, for whoever has Docker: `make portable`, then
#
#     .ci/licenses target/licenses
#     VERSION=0.1.0 COMMIT=$(git rev-parse HEAD) docker buildx bake
#
# Nothing is compiled there. What is tested are the images of `make image`, which needs no daemon.

variable "VERSION" { default = "" }
variable "COMMIT" { default = "" }
variable "REPOSITORY" { default = "oauth-validator" }

group "default" {
  targets = ["image"]
}

target "image" {
  name = "image-${major}-${distribution}"
  matrix = {
    major = ["18", "19"]
    distribution = ["bookworm", "trixie"]
  }
  dockerfile = "config/deploy/Dockerfile"
  args = { MAJOR = major }
  tags = ["${REPOSITORY}:${VERSION}-${major}-${distribution}"]
  labels = {
    "org.opencontainers.image.version" = VERSION
    "org.opencontainers.image.revision" = COMMIT
    "org.opencontainers.image.title" = "oauth_validator ${VERSION} for PostgreSQL ${major} on ${distribution}"
    "org.opencontainers.image.description" = "OAuth logins to PostgreSQL by configured rules"
    "org.opencontainers.image.licenses" = "PostgreSQL"
    "org.opencontainers.image.base.name" = "scratch"
    "io.cloudnativepg.image.base.pgmajor" = major
    "io.cloudnativepg.image.base.os" = distribution
  }
}
