//! Things as the API tells of them, with all that its specification asks for.

use serde_json::{Value, json};

pub const CREATED: &str = "2026-11-01T12:00:00Z";
pub const VPC: &str = "760e09ef-dc84-11e8-981e-3cfdfeaae000";

pub fn region(slug: &str) -> Value {
    json!({ "name": "Amsterdam 3", "slug": slug, "features": ["metadata"], "available": true, "sizes": ["s-1vcpu-1gb", "s-2vcpu-4gb"] })
}

pub fn size(slug: &str, price: f64) -> Value {
    json!({
        "slug": slug, "memory": 1024, "vcpus": 1, "disk": 25, "transfer": 1.0, "price_monthly": price, "price_hourly": 0.01,
        "regions": ["ams3", "fra1"], "available": true, "description": "Basic",
    })
}

pub fn image(slug: &str) -> Value {
    json!({
        "id": 7555620, "name": "13 x64", "distribution": "Debian", "slug": slug, "public": true, "regions": ["ams3", "fra1"],
        "created_at": CREATED, "min_disk_size": 7, "type": "base", "size_gigabytes": 2.3, "description": "", "tags": [],
        "status": "available", "error_message": "",
    })
}

/// A custom image as its import was asked for.
pub fn custom_image(id: u64, wanted: &Value, status: &str, error: &str) -> Value {
    let regions = if status == "available" {
        vec![wanted["region"].clone()]
    } else {
        Vec::new()
    };
    json!({
        "id": id, "name": wanted["name"], "distribution": wanted["distribution"], "slug": null, "public": false, "regions": regions,
        "created_at": CREATED, "min_disk_size": null, "type": "custom", "size_gigabytes": null, "description": wanted["description"],
        "tags": wanted["tags"], "status": status, "error_message": error,
    })
}

pub fn vpc(name: &str, range: &str, is_default: bool) -> Value {
    json!({
        "id": if is_default { "5a4981aa-9653-4bd1-bef5-d6bff52042e4" } else { VPC },
        "urn": format!("do:vpc:{VPC}"), "name": name, "description": "", "region": "ams3", "ip_range": range,
        "default": is_default, "created_at": CREATED,
    })
}

pub fn account(limit: u64) -> Value {
    json!({ "account": {
        "droplet_limit": limit, "floating_ip_limit": 3, "email": "operator@example.org", "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
        "email_verified": true, "status": "active", "status_message": "",
    } })
}

pub fn ssh_key(id: u64, fingerprint: &str) -> Value {
    json!({ "id": id, "fingerprint": fingerprint, "public_key": "ssh-ed25519 AAAA", "name": "operator" })
}

/// A droplet that was just asked for.
pub fn droplet(id: u64, wanted: &Value) -> Value {
    json!({
        "id": id, "name": wanted["name"], "memory": 1024, "vcpus": 1, "disk": 25, "locked": false, "status": "new", "kernel": null,
        "created_at": CREATED, "features": ["private_networking"], "backup_ids": [], "next_backup_window": null, "snapshot_ids": [],
        "image": image("debian-13-x64"), "volume_ids": [], "size": size(wanted["size"].as_str().unwrap_or("s-1vcpu-1gb"), 6.0),
        "size_slug": wanted["size"], "networks": { "v4": [], "v6": [] }, "region": region("ams3"),
        "tags": wanted.get("tags").cloned().unwrap_or_else(|| json!([])), "vpc_uuid": VPC,
    })
}

/// Its addresses once it is active.
pub fn networks(id: u64, has_private: bool) -> Value {
    let host = id % 250;
    let public =
        json!({ "ip_address": format!("203.0.113.{host}"), "netmask": "255.255.255.0", "gateway": "203.0.113.254", "type": "public" });
    let private =
        json!({ "ip_address": format!("10.110.0.{host}"), "netmask": "255.255.240.0", "gateway": "10.110.0.1", "type": "private" });
    let v4 = if has_private { vec![public, private] } else { vec![public] };
    json!({ "v4": v4, "v6": [] })
}

pub fn action(id: u64, droplet: u64, status: &str) -> Value {
    json!({
        "id": id, "status": status, "type": "create", "started_at": CREATED,
        "completed_at": if status == "in-progress" { Value::Null } else { CREATED.into() },
        "resource_id": droplet, "resource_type": "droplet", "region": region("ams3"), "region_slug": "ams3",
    })
}
